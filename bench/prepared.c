/* The rows of TX 1, written with prepared statements and nothing else: the least they can cost.
 *
 *     prepared                      prints the version of SQLite
 *     prepared LEDGER < batches
 *
 * On standard input first one statement a line, then an empty line; then batches of rows, each ended
 * by an empty line. A row is the number of its statement and the values to bind, between tabs; the
 * first letter of a value is its type: n(ull), i(nteger), t(ext), x (a blob in hexadecimal digits).
 * A batch is one transaction. What is printed is the seconds that each took, from BEGIN
 * to the end of COMMIT; reading the rows is not among them.
 */

#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* What is needed of sqlite3.h, which machines with the library often do not have. */
typedef struct sqlite3 sqlite3;
typedef struct sqlite3_stmt sqlite3_stmt;
typedef void (*sqlite3_destructor_type)(void *);
extern const char *sqlite3_libversion(void);
extern const char *sqlite3_errmsg(sqlite3 *);
extern int sqlite3_open(const char *, sqlite3 **);
extern int sqlite3_close(sqlite3 *);
extern int sqlite3_exec(sqlite3 *, const char *, void *, void *, void *);
extern int sqlite3_prepare_v2(sqlite3 *, const char *, int, sqlite3_stmt **, void *);
extern int sqlite3_bind_null(sqlite3_stmt *, int);
extern int sqlite3_bind_int64(sqlite3_stmt *, int, long long);
extern int sqlite3_bind_text(sqlite3_stmt *, int, const char *, int, sqlite3_destructor_type);
extern int sqlite3_bind_blob(sqlite3_stmt *, int, const void *, int, sqlite3_destructor_type);
extern int sqlite3_step(sqlite3_stmt *);
extern int sqlite3_reset(sqlite3_stmt *);
extern int sqlite3_finalize(sqlite3_stmt *);
enum { SQLITE_OK = 0, SQLITE_ROW = 100, SQLITE_DONE = 101 };

enum { MOST_STATEMENTS = 32 };

typedef struct {
    char type;
    long long number; /* An integer, or the length of a text or blob. */
    char *bytes;
} Value;

typedef struct {
    int statement;
    int count;
    char *line;
    Value *values;
} Row;

static sqlite3 *ledger;
static sqlite3_stmt *statements[MOST_STATEMENTS];
static int prepared;

static void fail(const char *what) {
    fprintf(stderr, "%s: %s\n", what, ledger ? sqlite3_errmsg(ledger) : "");
    exit(1);
}

static void run(const char *statement) {
    if (sqlite3_exec(ledger, statement, NULL, NULL, NULL) != SQLITE_OK) fail(statement);
}

/* The next line without its end; null at the end of the input. */
static char *next_line(void) {
    char *line = NULL;
    size_t room = 0;
    ssize_t length = getline(&line, &room, stdin);
    if (length <= 0) {
        free(line);
        return NULL;
    }
    if (line[length - 1] == '\n') line[length - 1] = '\0';
    return line;
}

static Value value_of(char *text) {
    Value value = {*text, 0, text + 1};
    if (value.type == 'i') value.number = atoll(text + 1);
    if (value.type == 't') value.number = (long long)strlen(text + 1);
    if (value.type == 'x') {
        value.number = (long long)strlen(text + 1) / 2;
        for (long long place = 0; place < value.number; place++) {
            char digits[3] = {text[1 + 2 * place], text[2 + 2 * place], '\0'};
            text[1 + place] = (char)strtol(digits, NULL, 16);
        }
    }
    return value;
}

static void read_row(Row *row, char *line) {
    char *rest = line;
    int tabs = 0;
    for (char *place = line; *place != '\0'; place++) tabs += *place == '\t';
    row->line = line;
    row->statement = atoi(strsep(&rest, "\t"));
    row->count = 0;
    row->values = malloc((size_t)(tabs + 1) * sizeof *row->values);
    if (row->values == NULL) fail("no memory");
    while (rest != NULL) row->values[row->count++] = value_of(strsep(&rest, "\t"));
}

static void write_row(const Row *row) {
    sqlite3_stmt *statement = statements[row->statement];
    int step;
    for (int place = 0; place < row->count; place++) {
        const Value *value = &row->values[place];
        int length = (int)value->number;
        if (value->type == 'n') sqlite3_bind_null(statement, place + 1);
        if (value->type == 'i') sqlite3_bind_int64(statement, place + 1, value->number);
        if (value->type == 't') sqlite3_bind_text(statement, place + 1, value->bytes, length, NULL);
        if (value->type == 'x') sqlite3_bind_blob(statement, place + 1, value->bytes, length, NULL);
    }
    while ((step = sqlite3_step(statement)) == SQLITE_ROW);
    if (step != SQLITE_DONE || sqlite3_reset(statement) != SQLITE_OK) fail("a row");
}

static double seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static double write_batch(const Row *rows, size_t count) {
    double begun = seconds();
    run("BEGIN IMMEDIATE");
    for (size_t number = 0; number < count; number++) write_row(&rows[number]);
    run("COMMIT");
    return seconds() - begun;
}

int main(int count, char **arguments) {
    Row *rows = NULL;
    size_t filled = 0, room = 0;
    char *line;
    if (count != 2) return puts(sqlite3_libversion()) < 0;
    if (sqlite3_open(arguments[1], &ledger) != SQLITE_OK) fail(arguments[1]);
    run("PRAGMA journal_mode=WAL");
    run("PRAGMA synchronous=FULL");
    run("PRAGMA foreign_keys=ON");
    run("PRAGMA cache_size=-65536");
    while ((line = next_line()) != NULL && *line != '\0') {
        if (prepared == MOST_STATEMENTS) fail("too many statements");
        if (sqlite3_prepare_v2(ledger, line, -1, &statements[prepared++], NULL) != SQLITE_OK)
            fail(line);
        free(line);
    }
    free(line);
    while ((line = next_line()) != NULL) {
        if (*line != '\0') {
            if (filled == room) {
                room = room ? 2 * room : 1024;
                rows = realloc(rows, room * sizeof *rows);
                if (rows == NULL) fail("no memory");
            }
            read_row(&rows[filled++], line);
            continue;
        }
        printf("%.9f\n", write_batch(rows, filled));
        fflush(stdout);
        while (filled) {
            free(rows[--filled].line);
            free(rows[filled].values);
        }
        free(line);
    }
    while (prepared) sqlite3_finalize(statements[--prepared]);
    free(rows);
    return sqlite3_close(ledger);
}
