/* The table of domains in terminals of all widths. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "cli/domaintable.h"

#define HEX  "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define LONG "a-very-long-label-that-goes-on-and-on.another-one-which-is-long-as-well.example.watched.example"

static char *shown(const struct db_domain_row *row, size_t columns)
{
    char *text = calloc(1, 8192);
    FILE *file = tmpfile();
    int kept = dup(STDOUT_FILENO);

    must(text != NULL && file != NULL && kept >= 0);
    (void)fflush(stdout);
    must(dup2(fileno(file), STDOUT_FILENO) == STDOUT_FILENO);
    domaintable_head(columns);
    domaintable_row(row, columns);
    (void)fflush(stdout);
    must(dup2(kept, STDOUT_FILENO) == STDOUT_FILENO && close(kept) == 0);
    rewind(file);
    must(fread(text, 1, 8191, file) < 8191 && fclose(file) == 0);
    return text;
}

static size_t widest(const char *text)
{
    size_t most = 0;
    size_t columns = 0;
    for (; *text != '\0'; text++) {
        columns = *text == '\n' ? 0 : columns + (((unsigned char)*text & 0xc0) != 0x80);
        most = columns > most ? columns : most;
    }
    return most;
}

static void it_fits(void **state)
{
    static const struct db_domain_row rows[] = {
        {.id = 1, .name = "short.example", .kind = "dns", .allow = "[]", .history_ms = 1},
        {.id = 123456,
         .name = LONG,
         .kind = "dns",
         .exact = true,
         .owner = "Stra\xc3\x9f"
                  "enverkehrs\xc3\xa4mter",
         .allow = "[{\"label\":\"spki:" HEX "\"}]"},
        {.id = 7,
         .name = "192.0.2.0/24",
         .kind = "ip",
         .owner = "x\x1b[31m",
         .allow = "[{\"label\":\"spki:" HEX "\"},{\"label\":\"letsencrypt.org\"},"
                  "{\"label\":\"letsencrypt.org\"},{\"label\":\"spki:" HEX "\"},"
                  "{\"label\":\"ca:DigiCert\"},{\"label\":\"" LONG "\"},{}]",
         .tags = "[\"pci\",\"" LONG "\",\"x\\u001b[31m\",7]",
         .alerts_open = 12},
    };
    static const size_t columns[] = {80, 100, 116};
    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        for (size_t j = 0; j < countof(columns); j++) {
            char *text = shown(&rows[i], columns[j]);
            if (widest(text) > columns[j])
                fail_msg("%zu columns of %zu: %s", widest(text), columns[j], text);
            assert_null(strstr(text, "\x1b"));
            assert_null(strstr(text, HEX));
            assert_true((strstr(text, "(history pending)") != NULL) == (rows[i].history_ms == 0));
            free(text);
        }
        /* No terminal: nothing is cut, and a domain is a line. */
        char *text = shown(&rows[i], 0);
        assert_true((strstr(text, HEX) != NULL) == (strstr(rows[i].allow, HEX) != NULL));
        assert_non_null(strstr(text, rows[i].name));
        assert_true((strstr(text, " #pci #" LONG) != NULL) == (rows[i].tags != NULL));
        assert_true(strchr(strchr(text, '\n') + 1, '\n')[1] == '\0');
        free(text);
    }
    char *text = shown(&rows[2], 80);
    assert_non_null(strstr(text, "spki:0123456789abcdef~"));
    assert_non_null(strstr(text, "letsencrypt.org"));
    assert_non_null(strstr(text, "ca:DigiCert"));
    assert_non_null(strstr(text, "\n      #pci\n      #a-very-long"));
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(it_fits)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
