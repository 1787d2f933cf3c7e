/* What is remembered of keys, by several threads at once. */
#include "watcher/soundkeys.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/limits.h"
#include "base/thread.h"

static void known(void **state)
{
    uint8_t key[32] = {1, 2, 3};
    uint8_t same_place[32] = {1, 2, 3};
    uint8_t none[32] = {0};
    (void)state;
    same_place[31] = 1;
    assert_false(soundkeys_has(key));
    soundkeys_add(key);
    assert_true(soundkeys_has(key));
    assert_false(soundkeys_has(same_place));
    soundkeys_add(same_place);
    assert_true(soundkeys_has(same_place));
    assert_false(soundkeys_has(key));
    soundkeys_add(none);
    assert_false(soundkeys_has(none));
}

/* Each thread has its own keys in the same places: never is one known that no thread added. */
static void work(void *arg)
{
    uint8_t mine = *(uint8_t *)arg;
    for (unsigned i = 0; i < 20000; i++) {
        uint8_t key[32];
        uint8_t mixed[32];
        memset(key, mine, sizeof key);
        key[0] = 7;
        key[1] = (uint8_t)(i % 3);
        memcpy(mixed, key, sizeof mixed);
        mixed[31] = (uint8_t)(mine ^ 0x80);
        soundkeys_add(key);
        must(!soundkeys_has(mixed));
    }
}

static void threads(void **state)
{
    static uint8_t names[] = {1, 2, 3, 4};
    struct thread thread[countof(names)] = {{0}};
    (void)state;
    for (size_t i = 0; i < countof(names); i++)
        assert_true(thread_start(&thread[i], "keys", work, &names[i]));
    for (size_t i = 0; i < countof(names); i++)
        thread_join(&thread[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(known), cmocka_unit_test(threads)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
