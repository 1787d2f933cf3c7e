/* Rows of a commit in their order: as qsort would have it, whatever fingerprints begin with. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "db/dbkey.h"
#include "db/stagesort.h"

#define ROWS 5000

static uint64_t mix(uint64_t value)
{
    value += 0x9e3779b97f4a7c15;
    value = (value ^ value >> 30) * 0xbf58476d1ce4e5b9;
    value = (value ^ value >> 27) * 0x94d049bb133111eb;
    return value ^ value >> 31;
}

/* Fingerprint, issuer and index, each counted where those before are the same. */
static int by_all(const void *left, const void *right)
{
    const struct stage_row *a = left;
    const struct stage_row *b = right;
    int order = memcmp(a->entry->issuance.tbs_fp, b->entry->issuance.tbs_fp, 32);
    if (order == 0)
        order = (a->issuer > b->issuer) - (a->issuer < b->issuer);
    return order != 0 ? order : (a->entry->index > b->entry->index) - (a->entry->index < b->entry->index);
}

/* `kinds` fingerprints, alike in the first `alike` bytes. */
static void check(size_t count, uint64_t kinds, size_t alike)
{
    struct entry *entries = calloc(count + 1, sizeof *entries);
    struct stage_row *rows = calloc(count + 1, sizeof *rows);
    struct stage_row *spare = calloc(count + 1, sizeof *spare);
    struct stage_row *expected = calloc(count + 1, sizeof *expected);
    assert_true(entries != NULL && rows != NULL && spare != NULL && expected != NULL);
    for (size_t i = 0; i < count; i++) {
        uint8_t *fp = entries[i].issuance.tbs_fp;
        uint64_t kind = mix(i) % kinds;
        for (size_t k = alike; k < 32; k++)
            fp[k] = (uint8_t)(mix(kind) >> (8 * (k % 8)));
        entries[i].index = mix(i ^ 0xabc) >> 1;
        rows[i] = (struct stage_row){.head = (uint64_t)dbkey_first8(fp),
                                     .entry = &entries[i],
                                     .issuer = (int32_t)(1 + mix(i + 7) % 3)};
    }
    memcpy(expected, rows, count * sizeof *rows);
    qsort(expected, count, sizeof *expected, by_all);
    stagesort_rows(&rows, &spare, count);
    for (size_t i = 0; i < count; i++)
        if (rows[i].entry != expected[i].entry)
            fail_msg("%zu rows, %zu bytes alike: row %zu", count, alike, i);
    free(entries);
    free(rows);
    free(spare);
    free(expected);
}

static void rows_are_in_their_order(void **state)
{
    static const size_t counts[] = {1, 2, 16, 17, 300, ROWS};
    static const uint64_t kinds[] = {1, 5, UINT64_MAX};
    static const size_t alike[] = {0, 1, 2, 8, 24, 32};
    (void)state;
    for (size_t i = 0; i < countof(counts); i++)
        for (size_t k = 0; k < countof(kinds); k++)
            for (size_t n = 0; n < countof(alike); n++)
                check(counts[i], kinds[k], alike[n]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_in_their_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
