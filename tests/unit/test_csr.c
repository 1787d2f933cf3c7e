/* Requests: key, names, and what is none. */
#include "parser/csr.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/dns.h"
#include "parser/names.h"
#include "tests/unit/sample.h"

static void names_are(const char *file, const char *const *expected, size_t count)
{
    struct span der = sample_load(file);
    struct cert cert = {.path_len = -1};
    struct arena arena;
    struct name *names = NULL;
    struct finding_set findings = {{0, 0}};
    size_t found = 0;
    assert_true(arena_init(&arena, 1u << 20));
    assert_true(csr_read(der, &cert));
    names_collect(&cert, &arena, &names, &found, &findings);
    assert_int_equal(found, count);
    for (size_t i = 0; i < count; i++)
        if (!span_eq(names[i].text, span_str(expected[i])))
            fail_msg("%s: name %zu is %.*s", file, i, (int)names[i].text.len, (const char *)names[i].text.at);
    if (count > 2)
        assert_true(names[2].kind == NAME_IP && span_eq(names[2].raw, SPAN_LIT("\xc0\x00\x02\x07")));
    /* Whatever is cut off is no request any more, or one with other names; never more than there is. */
    for (size_t len = 0; len < der.len; len++) {
        struct cert cut = {.path_len = -1};
        uint8_t *exact = malloc(len + 1);
        must(exact != NULL);
        memcpy(exact, der.at, len);
        assert_true(!csr_read(span_of(exact, len), &cut) || cut.spki.at != NULL);
        free(exact);
    }
    arena_fini(&arena);
    sample_free(der);
}

static void requests(void **state)
{
    static const char *const names[] = {"csr.example", "*.www.csr.example", ""};
    static const char *const plain[] = {"plain.example"};
    (void)state;
    names_are("csr/names.der", names, countof(names));
    names_are("csr/plain.der", plain, countof(plain));
}

static void others(void **state)
{
    struct span certificate = sample_load("tbs/plain.der");
    struct cert cert = {.path_len = -1};
    (void)state;
    assert_false(csr_read(SPAN_NONE, &cert));
    assert_false(csr_read(SPAN_LIT("0\x03\x02\x01\x01"), &cert));
    cert = (struct cert){.path_len = -1};
    assert_false(csr_read(certificate, &cert));
    sample_free(certificate);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(requests), cmocka_unit_test(others)};
    must(dns_psl_load(SPAN_LIT("example\n"), NULL) == ERR_OK);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
