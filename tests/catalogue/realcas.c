/* The real CAs of the verdict catalogue (rows REAL): their keys and names, held against the facts that the
 * program comes with, and against what it knows of CA certificates where that data is at hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/text.h"
#include "trust/builtin.h"
#include "trust/cajudge.h"

#define CASE(ID, YEAR, TITLE, WHAT, SOURCE)
#define CA(LETTER, ISSUER, NAME)
#define OLD_CA(LETTER, ISSUER, NAME, UNTIL)
#define ROOT(LETTER, STORES)
#define SAID(LETTER, STORES, KIND, CLASS, DATE)
#define NAMES(LETTER, STORES, DOMAINS)
#define WATCH(ITEM, CAS, OPTIONS)
#define CERT(ISSUER, DNS, BEGINS, DAYS, LOGGED, FORMS, KEY)
#define RENEWALS(FIRST, SECOND, COUNT)
#define WANT(KIND, SEVERITY)
#define REAL(WHO, KEY, SUBJECT, DATE, VERDICTS, FLAGS) {WHO, KEY, SUBJECT, DATE, VERDICTS, FLAGS},

static const struct real {
    const char *who;
    const char *key;
    const char *subject;
    const char *date;
    const char *verdicts;
    uint32_t flags;
} reals[] = {
#include "verdictcase.def"
    {NULL, NULL, NULL, NULL, NULL, 0}};

static void real_keys_are_what_stores_say(void **state)
{
    (void)state;
    static const char letters[VERDICT_COUNT] = {'?', 't', 'i', 'd', 'r', 'u'};
    size_t failed = 0;
    struct cagraph_plan *plan = cagraph_plan_new();
    builtin_rules(plan, NULL, NULL);
    struct cagraph *born = cagraph_new(plan, BUILTIN_MS, 0, 1);
    for (const struct real *real = reals; real->who != NULL; real++) {
        struct cajudge_leaf leaf = {.seen_first = true};
        struct verdict_all all;
        char got[VERDICT_STORES + 1] = "";
        int64_t ms = 0;
        assert_true(text_unhex(span_str(real->key), leaf.key, 32));
        assert_true(text_unhex(span_str(real->subject), leaf.issuer, 32));
        assert_true(text_parse_time(span_str(real->date), &ms));
        leaf.not_before = ms / 1000;
        leaf.seen_ms = leaf.not_before * 1000 + 3600000;
        leaf.at_ms = leaf.seen_ms;
        cajudge(born, &leaf, &all);
        for (int i = 0; i < VERDICT_STORES; i++)
            got[i] = letters[all.store[i].verdict];
        /* Of a key without a certificate it is never sure that nobody else vouches for it. */
        if (strcmp(got, real->verdicts) == 0 && all.flags == real->flags)
            continue;
        print_error("%s, %s: wanted %s and flags 0x%x, got %s and 0x%x\n", real->who, real->date,
                    real->verdicts, real->flags, got, all.flags);
        failed++;
    }
    cagraph_unpin(born);
    assert_int_equal(failed, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(real_keys_are_what_stores_say)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
