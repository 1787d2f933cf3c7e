#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/metric.h"

static void counts_and_names(void **state)
{
    (void)state;
    uint64_t before = metric_read(METRIC_ALERTS_TOTAL);
    metric_add(METRIC_ALERTS_TOTAL, 3);
    metric_add(METRIC_ALERTS_TOTAL, 0);
    assert_int_equal(metric_read(METRIC_ALERTS_TOTAL), before + 3);
    assert_string_equal(metric_name(METRIC_ENTRIES_TOTAL), "ctvigil_entries_total");
}

static void exposition_has_every_row(void **state)
{
    struct buf out;
    char sample[128];
    (void)state;
    buf_init(&out, 100000);
    metric_write(&out);
    assert_true(buf_ok(&out));
    for (int i = 0; i < METRIC_COUNT; i++) {
        (void)snprintf(sample, sizeof sample, "\n%s %" PRIu64 "\n", metric_name((enum metric)i),
                       metric_read((enum metric)i));
        assert_non_null(strstr(buf_text(&out), sample));
        (void)snprintf(sample, sizeof sample, "# TYPE %s ", metric_name((enum metric)i));
        assert_non_null(strstr(buf_text(&out), sample));
    }
    buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_and_names),
        cmocka_unit_test(exposition_has_every_row),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
