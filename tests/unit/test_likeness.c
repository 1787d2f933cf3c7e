#include "watcher/likeness.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/dns.h"

/* What is said is what somebody reads who is woken by it. */
static void reasons(void **state)
{
    static const struct {
        const char *brand;
        const char *name;
        const char *says; /* NULL: it does not look like it */
    } rows[] = {
        {"paypal.com", "paypa1.com",
         "paypa1.com reads as paypal.com: \"1\" stands for \"l\" (score 94 of 100)"},
        {"paypal.com", "xn--pypal-4ve.com",
         "xn--pypal-4ve.com reads as paypal.com, shown as p\xd0\xb0ypal: \"\xd0\xb0\" (U+0430 CYRILLIC SMALL "
         "LETTER A) "
         "stands for \"a\" (score 100 of 100)"},
        {"microsoft.com", "rnicrosoft.com",
         "rnicrosoft.com reads as microsoft.com: \"rn\" stands for \"m\" (score 94 of 100)"},
        {"paypal.com", "paypall.com", "paypall.com is paypal with \"l\" added (score 80 of 100)"},
        {"paypal.com", "paypl.com", "paypl.com is paypal with \"a\" left out (score 72 of 100)"},
        {"paypal.com", "payapl.com",
         "payapl.com is paypal with \"p\" and \"a\" in the other order (score 80 of 100)"},
        {"paypal.com", "pazpal.com", "pazpal.com is paypal with \"z\" in place of \"y\" (score 60 of 100)"},
        {"google.com",
         "goog\x6d"
         "e.com",
         "googme.com is google with \"m\" in place of \"l\", which is one bit of memory away (score 68 of "
         "100)"},
        {"bankofamerica.com", "bankoffamerrica.com",
         "bankoffamerrica.com is bankofamerica with two typing errors (score 68 of 100)"},
        {"paypal.com", "wwwpazpall.com", NULL},
        {"google.com", "wwwgoolge.com",
         "wwwgoolge.com is google with \"g\" and \"l\" in the other order (score 80 of 100)"},
        {"google.com", "www.com", NULL},
        {"paypal.com", "paypal-login.net",
         "paypal-login.net joins the name paypal with \"login\" (score 86 of 100)"},
        {"paypal.com", "paypal.com.evil.net",
         "\"paypal.com\" stands left of evil.net, which is not a part of paypal.com: only the right end says "
         "whose it "
         "is (score 92 of 100)"},
        {"paypal.com", "paypal.login.evil.net",
         "\"paypal\" stands left of evil.net, which is not a part of paypal.com: only the right end says "
         "whose it is; "
         "beside it the word \"login\" (score 62 of 100)"},
        {"paypal.com", "paypal.net",
         "paypal.net is the name paypal under another ending than paypal.com (score 64 of 100)"},
        {"paypal.com", "www.paypal.com", NULL},
        {"paypal.com", "paypal.com", NULL},
        {"paypal.com", "example.com", NULL},
        {"paypal.com", "*.example.com", NULL},
        {"ibm.com", "ibn.com", "ibn.com is ibm with \"n\" in place of \"m\" (score 34 of 100)"},
        {"ing.de", "painting.de", NULL},
        {"target.com", "targeted-ads.net", NULL},
    };
    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        struct likeness_brand brand;
        struct likeness like;
        struct buf text;
        struct span name = span_str(rows[i].name);
        struct span apex = dns_apex(name);
        buf_init(&text, 4096);
        assert_true(likeness_brand_init(&brand, span_str(rows[i].brand)));
        bool alike = likeness_judge(&brand, name, apex, &like);
        if (alike)
            likeness_say(&brand, &like, name, apex, &text);
        if (strcmp(alike ? buf_text(&text) : "-", rows[i].says != NULL ? rows[i].says : "-") != 0)
            fail_msg("%s: %s, not %s", rows[i].name, alike ? buf_text(&text) : "-",
                     rows[i].says != NULL ? rows[i].says : "-");
        buf_fini(&text);
    }
}

static void brands(void **state)
{
    struct likeness_brand brand;
    (void)state;
    assert_false(likeness_brand_init(&brand, SPAN_LIT("hp.com")));
    assert_true(likeness_brand_init(&brand, SPAN_LIT("ibm.com")));
    assert_true(likeness_brand_init(&brand, SPAN_LIT("xn--mller-kva.de")));
    assert_memory_equal(brand.plain, "muller", 6);
}

static int setup(void **state)
{
    (void)state;
    return dns_psl_load(SPAN_LIT("com\nnet\nde\n"), NULL) == ERR_OK ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(reasons), cmocka_unit_test(brands)};
    return cmocka_run_group_tests(tests, setup, NULL);
}
