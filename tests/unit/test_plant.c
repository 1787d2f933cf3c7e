/* What the threads of a pipeline share: when the workers are behind, and that a batch that is freed can be
 * had again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

#include "ingest/plant.h"

#define WORKERS 2
#define BATCHES 6

static struct plant *make(void)
{
    const struct pipe_options options = {.workers = WORKERS, .batches = BATCHES};
    struct plant *plant = calloc(1, sizeof(*plant));
    struct err why = {.code = ERR_OK};
    assert_non_null(plant);
    assert_int_equal(plant_init(plant, &options, 1, &why), ERR_OK);
    return plant;
}

static void workers_are_behind_when_more_waits_than_they_can_take(void **state)
{
    struct plant *plant = make();
    struct job *taken[BATCHES];
    void *item;
    (void)state;
    for (size_t i = 0; i < BATCHES; i++) {
        assert_true(plant_behind(plant) == (i > WORKERS));
        taken[i] = stock_get(&plant->stock);
        assert_non_null(taken[i]);
        assert_true(queue_put_try(&plant->replies, taken[i]));
    }
    assert_null(stock_get(&plant->stock));
    for (size_t i = BATCHES; i-- > 0;) {
        assert_int_equal(queue_get(&plant->replies, &item, 0), QUEUE_ITEM);
        assert_true(plant_behind(plant) == (i > WORKERS));
        plant_job_free(plant, item);
    }
    assert_int_equal(stock_count(&plant->stock), BATCHES);
    plant_fini(plant);
    free(plant);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(workers_are_behind_when_more_waits_than_they_can_take),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
