"""The view that shows a table or a statement as the screen asks for it."""

import re
from collections.abc import Callable
from contextlib import closing
from typing import Any

from console.browser.reader.catalogue import Catalogue, Table
from console.browser.reader.filtered_view import FilteredView, Selection
from console.browser.reader.keyspace import KeySpace
from console.browser.reader.result_view import Limit, ResultView
from console.browser.reader.source import Connection, Source
from console.browser.reader.sql_builder import Column, Columns, Sql, distinct, quoted
from console.browser.reader.table_view import TableView
from console.browser.reader.view import Report, RowSet
from console.browser.reader.wire import Wire

# Not a name that a table has.
_TYPED = '"what was typed"'
_TOKEN = re.compile(
    r"(?P<nothing>[\s;]+|--[^\n]*|/\*.*?(?:\*/|\Z))"
    r"|'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|`(?:[^`]|``)*`|\[[^\]]*\]|[^\s;'\"`\[/-]+|.",
    re.DOTALL,
)


class Planner:
    """Plans views of one file; `report` takes the progress of their scans."""

    def __init__(self, source: Source, limit: Limit, report: Report) -> None:
        self._source = source
        self._limit = limit
        self._report = report

    def table_view(self, connection: Connection, asked: Wire) -> RowSet:
        """The cheapest view that shows a table like this; it has begun to fill itself."""
        catalogue = Catalogue(connection)
        table = catalogue.table(asked["table"])
        if not table.keys:
            return self._scanned(connection, table, asked)
        table = catalogue.sampled(table)
        order, where, search = asked["order"], asked["where"], asked["search"]
        by_key = not order or _is_key_order(table, order)
        reverse = bool(order) and by_key and order[0][1] != table.descending
        number, source, space = asked["view"], self._source, KeySpace(table)
        if by_key and not where and not search:
            whole = TableView(number, source, space, self._report, reverse)
            whole.open(connection)
            return whole
        terms = [] if by_key else table.columns.order_terms(order)
        selection = Selection(table.columns.conditions(where, search), terms, reverse)
        view = FilteredView(number, source, space, self._report, selection)
        view.rebuild(connection)
        return view

    def query_view(self, asked: Wire, opened: Callable[[], None]) -> ResultView:
        """The result of a typed statement, not begun yet."""
        sql = _bare(asked["sql"])

        def statement(connection: Connection) -> Sql:
            if not (asked["order"] or asked["where"] or asked["search"]):
                return Sql(sql)
            columns = Columns(map(_by_value, _result_names(connection, sql)))
            listed = ", ".join(quoted(column.name) for column in columns)
            text = f"WITH {_TYPED}({listed}) AS (\n{sql}\n) SELECT * FROM {_TYPED} AS t"  # noqa: S608
            return _narrowed(text, columns, asked)

        number, report = asked["view"], self._report
        return ResultView(number, self._source, statement, self._limit, None, report, opened=opened)

    def _scanned(self, connection: Connection, table: Table, asked: Wire) -> ResultView:
        shown = table.columns.in_rows
        columns = Columns(_by_value(column.name, column.type, table.strict) for column in shown)
        text = f"SELECT {', '.join(table.shown)} FROM {table.source}"  # noqa: S608
        statement, filtered = _narrowed(text, columns, asked), asked["where"] or asked["search"]
        doing = "sorting" if asked["order"] else "filtering" if filtered else "reading"
        view = ResultView(
            asked["view"],
            self._source,
            lambda _: statement,
            self._limit,
            shown,
            self._report,
            doing,
        )
        view.rebuild(connection)
        return view


def _narrowed(text: str, columns: Columns, asked: Wire) -> Sql:
    """A SELECT with the conditions and the order that the screen asks for."""
    where = columns.conditions(asked["where"], asked["search"])
    terms = columns.order_terms(asked["order"])
    order = f" ORDER BY {', '.join(terms)}" if terms else ""
    return Sql(f"{text}{where.where}{order}", where.values)


def _bare(sql: str) -> str:
    """A statement without the semicolon and the comments that it ends with."""
    ends = [token.end() for token in _TOKEN.finditer(sql) if token["nothing"] is None]
    return sql[: ends[-1]] if ends else ""


def _result_names(connection: Connection, inner: str) -> list[str]:
    """The names of a result's columns."""
    names = _names(connection, f"SELECT * FROM (\n{inner}\n) LIMIT 0")  # noqa: S608
    if any(":" in name for name in names):
        # There are several of one name: SQLite has numbered them in a way of its own.
        names = _names(connection, inner)
    return distinct(names)


def _names(connection: Connection, sql: str) -> list[str]:
    with closing(connection.inner.execute(sql)) as cursor:
        return [column[0] for column in cursor.description]


def _by_value(name: str, declared: str = "", strict: bool = False) -> Column:
    """A column of which no row was read yet: each of its texts may turn out to be a decimal."""
    column = Column(name, declared, strict=strict)
    return column._replace(decimal=column.affinity != "number")


def _is_key_order(table: Table, order: list[Any]) -> bool:
    """Whether the rows are stored in this order, or in its reverse."""
    if len(order) != 1:
        return False
    column = table.columns.named(order[0][0])
    return column.reference == table.keys[0] and not column.decimal
