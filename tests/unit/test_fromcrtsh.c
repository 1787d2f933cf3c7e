/* What crt.sh answers, and what others put into such a file. */
#include "cli/fromcrtsh.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static char seen[8192];

static enum err_code on_known(void *arg, const struct db_known *known, struct err *why)
{
    size_t len = strlen(seen);
    (void)arg;
    (void)why;
    len += (size_t)snprintf(seen + len, sizeof seen - len, "%s|%s|%lld|%lld|%s|", known->ref, known->serial,
                            (long long)known->not_before, (long long)known->not_after, known->issuer);
    for (size_t i = 0; i < known->names.count && len < sizeof seen; i++)
        len += (size_t)snprintf(seen + len, sizeof seen - len, "%s ", known->names.at[i]);
    return ERR_OK;
}

#define WHEN "\"not_before\":\"1970-01-02T00:00:00\",\"not_after\":\"1970-01-03T00:00:00.5\""

static const struct {
    const char *text;
    const char *seen;
    uint64_t passed;
    const char *why; /* of the whole, or of what was passed over first; "" */
} rows[] = {
    {"[]", "", 0, ""},
    {" [{\"issuer_ca_id\":5,\"issuer_name\":\"O=X\",\"common_name\":\"A.example\",\"name_value\":\"b."
     "example\\n*.c.example\","
     "\"id\":9," WHEN ",\"serial_number\":\"00AB\",\"result_count\":3}]",
     "5:ab|ab|86400|172800|O=X|b.example *.c.example a.example ", 0, ""},
    {"[{\"id\":9,\"name_value\":\"x.example\"," WHEN "}]", "id:9||86400|172800||x.example ", 0, ""},
    {"[{\"id\":9,\"name_value\":\"Example Ltd\\nbob@x.example\\n..\\nx.example\\nx.example\"," WHEN "}]",
     "id:9||86400|172800||x.example ", 0, ""},
    {"[{\"id\":9,\"name_value\":\"x.example\",\"issuer_name\":\"a\\u001b[31m\"," WHEN "}]",
     "id:9||86400|172800|a\\x1b[31m|x.example ", 0, ""},
    {"[7,{\"id\":9," WHEN "},{\"name_value\":\"x.example\"," WHEN
     "},{\"id\":1,\"name_value\":\"x.example\"}]",
     "", 4, "member 1: it is no object"},
    {"[{\"id\":9,\"name_value\":\"x.example\",\"not_before\":\"1970-01-02\",\"not_after\":\"x\"}]", "", 1,
     "no time"},
    {"[{\"id\":9,\"name_value\":7," WHEN ",\"serial_number\":\"xyz\"}]", "", 1, "no name of a host"},
    {"{\"error\":1}", "", 0, "not an array"},
    {"[{\"id\":\n9", "", 0, "line 2, column"},
    {" <html>busy</html>", "", 0, "HTML"},
    {"", "", 0, "empty"},
    {"[\"\\u0000\"]", "", 1, "member 1: it is no object"},
    {"[{\"a\\u0000\":1}]", "", 0, "not JSON"},
    {"[{\"id\":8,\"name_value\":\"y.example\\u0000.z.example\"," WHEN
     "},{\"id\":7,\"name_value\":\"z.example\",\"issuer_name\":\"\\u0000\"," WHEN
     "},{\"id\":9,\"name_value\":\"x.example\",\"other\":\"\\u0000\"," WHEN "}]",
     "id:9||86400|172800||x.example ", 2, "member 1: a value has a NUL in it"},
};

static void answers(void **state)
{
    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        struct fromcrtsh reading = {.each = on_known};
        struct err why = {0};
        seen[0] = '\0';
        enum err_code code = fromcrtsh_read(span_str(rows[i].text), &reading, &why);
        const char *said = code == ERR_OK ? reading.first : why.text;
        if (strcmp(seen, rows[i].seen) != 0 || reading.passed != rows[i].passed ||
            strstr(said, rows[i].why) == NULL || (rows[i].why[0] == '\0') != (said[0] == '\0'))
            fail_msg("row %zu: %s (%s)", i, seen, said);
        for (size_t len = 0; len < strlen(rows[i].text); len++) {
            struct err ignored = {0};
            assert_true(fromcrtsh_read(span_of(rows[i].text, len), &reading, &ignored) != ERR_OK ||
                        len == 0 || rows[i].text[len - 1] == ']');
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(answers)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
