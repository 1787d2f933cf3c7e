/* docs/verdicts.md has a line for every case of the verdict catalogue, as the tests have it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "verdictrows.h"

static void table_line(size_t from, size_t to, char *out, size_t cap)
{
    const struct row *row = &rows[from];
    char want[1024];
    char words[2048] = "nothing";
    size_t len = 0;
    verdictrows_wanted(from, to, want, sizeof want);
    for (const char *at = want; *at != '\0';) {
        size_t kind = strcspn(at, " ");
        size_t severity = strcspn(at + kind + 1, ",");
        len += (size_t)snprintf(words + len, sizeof words - len, "%s`%.*s` (%.*s)", len == 0 ? "" : ", ",
                                (int)kind, at, (int)severity, at + kind + 1);
        at += kind + 1 + severity;
        at += strspn(at, ", ");
    }
    (void)snprintf(out, cap, "| %d | %s | %s | %s | %s |\n", row->number, row->text[0], row->text[1], words,
                   row->text[2]);
}

static void the_manual_has_the_table(void **state)
{
    (void)state;
    static char page[1u << 17];
    char path[4096];
    bool same = true;
    (void)snprintf(path, sizeof path, "%s/docs/verdicts.md",
                   getenv("CTVIGIL_SOURCE") != NULL ? getenv("CTVIGIL_SOURCE") : ".");
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    page[fread(page, 1, sizeof page - 1, file)] = '\0';
    (void)fclose(file);
    for (size_t at = 0, to = 0; at < countof(rows); at = to) {
        char line[4096];
        for (to = at + 1; to < countof(rows) && rows[to].type != ROW_CASE;)
            to++;
        table_line(at, to, line, sizeof line);
        if (strstr(page, line) != NULL)
            continue;
        print_error("docs/verdicts.md has to have: %s", line);
        same = false;
    }
    assert_true(same);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_manual_has_the_table)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
