"""From what the screen asks for to the view that answers it."""

import re
from collections.abc import Callable
from contextlib import closing
from typing import Any

from console.browser.reader.catalogue import Table, sampled, table
from console.browser.reader.filtered_view import FoundView, Question
from console.browser.reader.keyspace import KeySpace
from console.browser.reader.result_view import Limit, ResultView
from console.browser.reader.source import Connection, Source
from console.browser.reader.sql_builder import (
    Column,
    Sql,
    affinity,
    conditions,
    distinct,
    named,
    order_terms,
    quoted,
    reference,
)
from console.browser.reader.table_view import TableView
from console.browser.reader.view import RowSet, Tell
from console.browser.reader.wire import Wire

# Not a name that a table has.
_TYPED = '"what was typed"'
_TOKEN = re.compile(
    r"(?P<nothing>[\s;]+|--[^\n]*|/\*.*?(?:\*/|\Z))"
    r"|'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|`(?:[^`]|``)*`|\[[^\]]*\]|[^\s;'\"`\[/-]+|.",
    re.DOTALL,
)


def table_view(
    source: Source, connection: Connection, asked: Wire, limit: Limit, tell: Tell
) -> RowSet:
    """The cheapest view that shows a table like this; it has begun to fill itself."""
    found = table(connection, asked["table"])
    columns = sampled(found, connection)
    order, where, search = asked["order"], asked["where"], asked["search"]
    if not found.keys:
        return _scanned(source, connection, found, asked, limit, tell)
    by_key = not order or _is_key_order(found, columns[1], order)
    reverse = bool(order) and by_key and order[0][1] != found.descending
    if by_key and not where and not search:
        view = TableView(asked["view"], source, KeySpace(found), columns, tell, reverse)
        view.open(connection)
        return view
    terms = [] if by_key else order_terms(columns[1], order)
    question = Question(conditions(columns[1], where, search), terms, reverse)
    searched = FoundView(asked["view"], source, KeySpace(found), columns, tell, question)
    searched.rebuild(connection)
    return searched


def query_view(
    source: Source, asked: Wire, limit: Limit, tell: Tell, opened: Callable[[], None]
) -> ResultView:
    """The result of a typed statement, not begun yet."""
    sql, order, where, search = _bare(asked["sql"]), asked["order"], asked["where"], asked["search"]

    def statement(connection: Connection) -> Sql:
        if not (order or where or search):
            return Sql(sql)
        return _wrapped(connection, sql, order, where, search)

    return ResultView(asked["view"], source, statement, limit, None, tell, opened=opened)


def _scanned(
    source: Source, connection: Connection, found: Table, asked: Wire, limit: Limit, tell: Tell
) -> RowSet:
    shown = [column for column in found.columns if column["hidden"] != "hidden"]
    columns = [_by_value(column["name"], column["type"], found.strict) for column in shown]
    where = conditions(columns, asked["where"], asked["search"])
    order = _order_by(columns, asked["order"])
    references = ", ".join(found.shown)
    text = f"SELECT {references} FROM {found.source}{where.where}{order}"  # noqa: S608
    statement = Sql(text, where.values)
    doing = "sorting" if asked["order"] else "filtering" if where.text else "reading"
    view = ResultView(
        asked["view"], source, lambda _: statement, limit, [dict(c) for c in shown], tell, doing
    )
    view.rebuild(connection)
    return view


def _wrapped(
    connection: Connection, sql: str, order: list[Any], where: list[Any], search: str
) -> Sql:
    names = _result_names(connection, sql)
    columns = [_by_value(name) for name in names]
    condition = conditions(columns, where, search)
    listed = ", ".join(map(quoted, names))
    text = (
        f"WITH {_TYPED}({listed}) AS (\n{sql}\n) SELECT * FROM {_TYPED} AS t"  # noqa: S608
        f"{condition.where}{_order_by(columns, order)}"
    )
    return Sql(text, condition.values)


def _bare(sql: str) -> str:
    """A statement without the semicolon and the comments that it ends with."""
    ends = [token.end() for token in _TOKEN.finditer(sql) if token["nothing"] is None]
    return sql[: ends[-1]] if ends else ""


def _result_names(connection: Connection, inner: str) -> list[str]:
    """What the columns are called where the result stands as it is."""
    names = _names(connection, f"SELECT * FROM (\n{inner}\n) LIMIT 0")  # noqa: S608
    if any(":" in name for name in names):
        # There are several of one name: SQLite has numbered them in a way of its own.
        names = _names(connection, inner)
    return distinct(names)


def _names(connection: Connection, sql: str) -> list[str]:
    with closing(connection.inner.execute(sql)) as cursor:
        return [column[0] for column in cursor.description]


def _by_value(name: str, declared: str = "", strict: bool = False) -> Column:
    """A column that nobody has looked at yet: each of its texts may turn out to be a decimal."""
    column = Column(name, reference(name), declared, strict)
    return column._replace(decimal=affinity(column) != "number")


def _order_by(columns: list[Column], order: list[Any]) -> str:
    terms = order_terms(columns, order)
    return f" ORDER BY {', '.join(terms)}" if terms else ""


def _is_key_order(found: Table, columns: list[Column], order: list[Any]) -> bool:
    """Whether the rows stand in this order already, or in its reverse."""
    if len(order) != 1:
        return False
    column = named(columns, order[0][0])
    return column.reference == found.keys[0] and not column.decimal
