#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/pool.h"

static void told(void *arg)
{
    ++*(int *)arg;
}

static void objects_go_round(void **state)
{
    struct pool pool;
    int objects[2], returns = 0;
    (void)state;
    assert_true(pool_init(&pool, 2, told, &returns));
    pool_add(&pool, &objects[0]);
    pool_add(&pool, &objects[1]);
    assert_int_equal(pool_free_count(&pool), 2);
    assert_ptr_equal(pool_get(&pool, -1), &objects[0]);
    assert_ptr_equal(pool_get_try(&pool), &objects[1]);
    assert_null(pool_get_try(&pool));
    assert_null(pool_get(&pool, 5));
    assert_int_equal(returns, 0);
    pool_put(&pool, &objects[1]);
    assert_int_equal(returns, 1);
    assert_ptr_equal(pool_get_try(&pool), &objects[1]);
    pool_fini(&pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(objects_go_round)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
