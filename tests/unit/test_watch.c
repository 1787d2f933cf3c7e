#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "model/watch.h"

/* The leak checker is the judge. */
static void everything_is_freed(void **state)
{
    struct watch *watches = calloc(2, sizeof *watches);
    (void)state;
    assert_non_null(watches);
    watches[0].name = strdup("example.com");
    watches[0].owner = strdup("team");
    watches[0].allow = calloc(2, sizeof *watches[0].allow);
    assert_non_null(watches[0].allow);
    watches[0].allow[0].label = strdup("spki:00");
    watches[0].allow[1].label = strdup("cert:x.pem");
    watches[0].allow_count = 2;
    watches[1].name = strdup("192.0.2.0/24");
    watch_free(watches, 2);
    watch_free(NULL, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(everything_is_freed)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
