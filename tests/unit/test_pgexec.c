/* What libpq says, in one line; which code it gets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "db/pgexec.h"

static void one_line(void **state)
{
    (void)state;
    static const struct {
        const char *said;
        const char *line;
    } rows[] = {
        {"", ""},
        {"\n \t\n", ""},
        {"FATAL:  the database system is starting up\n", "FATAL: the database system is starting up"},
        {"connection to server on socket \"/s\" failed: No such file\n\tIs the server running?\n",
         "connection to server on socket \"/s\" failed: No such file; Is the server running?"},
        {"a failed: FATAL:  no entry\nb failed: FATAL:  no entry\n",
         "a failed: FATAL: no entry; b failed: no entry"},
        {"ERROR:  one\nERROR:  two", "ERROR: one; two"},
        {"a   b\r\nc", "a b; c"},
        {"MY-FATAL: x", "MY-FATAL: x"},
        {"one\n\n\n  two", "one; two"},
    };
    for (size_t i = 0; i < countof(rows); i++) {
        char line[200];
        pgexec_one_line(rows[i].said, line, sizeof line);
        assert_string_equal(line, rows[i].line);
    }
    for (size_t cap = 4; cap < 40; cap++) {
        char line[40];
        memset(line, 'x', sizeof line);
        pgexec_one_line("ab cd\nef FATAL: gh\nFATAL: ij kl mn", line, cap);
        assert_true(strlen(line) < cap);
    }
}

static void codes(void **state)
{
    (void)state;
    static const struct {
        const char *sqlstate;
        enum err_code code;
    } rows[] = {
        {"08006", ERR_DB_DOWN},   {"57P01", ERR_DB_DOWN}, {"53300", ERR_DB_DOWN}, {"40P01", ERR_DB_CONFLICT},
        {"42P01", ERR_DB_SCHEMA}, {"22021", ERR_USAGE},   {"23505", ERR_DB},      {"", ERR_DB}};
    for (size_t i = 0; i < countof(rows); i++)
        assert_int_equal(pgexec_code(rows[i].sqlstate), rows[i].code);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(one_line), cmocka_unit_test(codes)};
    return cmocka_run_group_tests_name("pgexec", tests, NULL, NULL);
}
