"""From what the screen asks for to the view that answers it."""

from collections.abc import Callable
from typing import Any

from console.browse.reader.catalogue import Table, sampled, table
from console.browse.reader.found_view import FoundView, Question
from console.browse.reader.keyspace import KeySpace
from console.browse.reader.language import (
    Column,
    Sql,
    affinity,
    conditions,
    named,
    order_terms,
    quoted,
)
from console.browse.reader.result_view import Limit, ResultView
from console.browse.reader.source import Connection, Source
from console.browse.reader.table_view import TableView
from console.browse.reader.values import Wire
from console.browse.reader.view import Tell, View


def table_view(
    source: Source, connection: Connection, asked: Wire, limit: Limit, tell: Tell
) -> View:
    """The cheapest view that shows a table like this; it has begun to fill itself."""
    found = table(connection, asked["table"])
    columns = sampled(found, connection)
    order, where, search = asked["order"], asked["where"], asked["search"]
    if not found.keys:
        return _scanned(source, found, asked, limit, tell)
    by_key = not order or _is_key_order(found, columns[1], order)
    reverse = bool(order) and by_key and order[0][1] != found.descending
    if by_key and not where and not search:
        view = TableView(asked["view"], source, KeySpace(found), columns, tell, reverse)
        view.open(connection)
        return view
    terms = [] if by_key else order_terms(columns[1], order)
    question = Question(conditions(columns[1], where, search), terms, reverse)
    searched = FoundView(asked["view"], source, KeySpace(found), columns, tell, question)
    searched.rebuild()
    return searched


def query_view(
    source: Source, asked: Wire, limit: Limit, tell: Tell, opened: Callable[[], None]
) -> ResultView:
    """The result of a typed statement, not begun yet."""
    sql, order, where, search = asked["sql"], asked["order"], asked["where"], asked["search"]

    def statement(connection: Connection) -> Sql:
        if not (order or where or search):
            return Sql(sql)
        return _wrapped(connection, sql, order, where, search)

    return ResultView(asked["view"], source, statement, limit, None, tell, opened=opened)


def _scanned(source: Source, found: Table, asked: Wire, limit: Limit, tell: Tell) -> View:
    shown = [column for column in found.columns if column["hidden"] != "hidden"]
    columns = [
        _by_value(column["name"], quoted(column["name"]), column["type"]) for column in shown
    ]
    where = conditions(columns, asked["where"], asked["search"])
    order = _order_by(columns, asked["order"])
    references = ", ".join(found.shown)
    text = f"SELECT {references} FROM {found.source}{where.where}{order}"  # noqa: S608
    statement = Sql(text, where.values)
    doing = "sorting" if asked["order"] else "filtering" if where.text else "reading"
    view = ResultView(
        asked["view"], source, lambda _: statement, limit, [dict(c) for c in shown], tell, doing
    )
    view.rebuild()
    return view


def _wrapped(
    connection: Connection, sql: str, order: list[Any], where: list[Any], search: str
) -> Sql:
    inner = sql.strip().rstrip(";")
    result = f"FROM (\n{inner}\n) AS result"
    cursor = connection.inner.execute(f"SELECT * {result} LIMIT 0")
    names = [column[0] for column in cursor.description]
    cursor.close()
    columns = [_by_value(name, f"result.{quoted(name)}") for name in names]
    condition = conditions(columns, where, search)
    text = f"SELECT * {result}{condition.where}{_order_by(columns, order)}"
    return Sql(text, condition.values)


def _by_value(name: str, reference: str, declared: str = "") -> Column:
    """A column that nobody has looked at yet: each of its texts may turn out to be a decimal."""
    column = Column(name, reference, declared)
    texts = affinity(column) != "number"
    return column._replace(decimal=texts, fractions=texts)


def _order_by(columns: list[Column], order: list[Any]) -> str:
    terms = order_terms(columns, order)
    return f" ORDER BY {', '.join(terms)}" if terms else ""


def _is_key_order(found: Table, columns: list[Column], order: list[Any]) -> bool:
    """Whether the rows stand in this order already, or in its reverse."""
    if len(order) != 1:
        return False
    name, _, as_text = order[0]
    if name == found.keys[0]:
        return True
    column = named(columns, name)
    return quoted(name) == found.keys[0] and (as_text or not column.decimal)
