/* Reading ahead finds what each name finds alone, in the order of the entries, also where names of other
 * kinds stand between, entries have none, and a name hits more than there is room for. */
#include "watcher/lookahead.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "tests/fixture/watches.h"

#define ENTRIES 300
#define NAMES   5

struct fixture {
    struct batch batch;
    struct entry entries[ENTRIES];
    struct name names[ENTRIES][NAMES];
    char texts[ENTRIES][NAMES][600];
};

static const char *const watched[] = {"example.com", "=www.example.org", "b.a", "a.a.a", "a", "net",
                                      "=b.net"};

/* Every second one has a label for each watch to hit: more keys than names. */
static void put_text(char *out, size_t cap, size_t number, bool crowded)
{
    static const char *const few[] = {"example.com", "*.example.org", "other.test", "x.y.z.example.com",
                                      "www.example.org"};
    if (!crowded || number % 2 != 0) {
        (void)snprintf(out, cap, "%s", few[number % countof(few)]);
        return;
    }
    size_t len = (size_t)snprintf(out, cap, "*.b");
    for (size_t i = 0; i < 250; i++)
        len += (size_t)snprintf(out + len, cap - len, ".a");
}

static struct fixture *fixture_new(bool crowded)
{
    struct fixture *f = calloc(1, sizeof *f);
    size_t number = 0;
    assert_non_null(f);
    f->batch.entries = f->entries;
    f->batch.entry_count = ENTRIES;
    for (size_t e = 0; e < ENTRIES; e++) {
        f->entries[e].issuance.names = f->names[e];
        f->entries[e].issuance.name_count = e % (NAMES + 1);
        for (size_t i = 0; i < NAMES; i++, number++) {
            put_text(f->texts[e][i], sizeof f->texts[e][i], number, crowded);
            f->names[e][i].kind = number % 7 == 0 ? NAME_EMAIL : NAME_DNS;
            f->names[e][i].text = span_str(f->texts[e][i]);
        }
    }
    return f;
}

static void compare(bool crowded)
{
    struct watchset *set = watches_set(watched, countof(watched));
    struct fixture *f = fixture_new(crowded);
    struct lookahead *ahead = calloc(1, sizeof *ahead);
    size_t hit_count = 0;
    assert_non_null(ahead);
    lookahead_init(ahead, set, &f->batch);
    for (size_t e = 0; e < ENTRIES; e++) {
        for (size_t i = 0; i < f->entries[e].issuance.name_count; i++) {
            struct watches_hits one = {0};
            struct watches_hits many = {0};
            if (f->names[e][i].kind != NAME_DNS)
                continue;
            watchset_find(set, f->names[e][i].text, watches_note, &one);
            lookahead_find(ahead, f->names[e][i].text, watches_note, &many);
            assert_memory_equal(&one, &many, sizeof one);
            hit_count += one.count;
        }
    }
    assert_true(hit_count > ENTRIES / 2);
    free(ahead);
    free(f);
    watchset_unpin(set);
}

static void few_keys(void **state)
{
    (void)state;
    compare(false);
}

static void more_keys_than_room(void **state)
{
    (void)state;
    compare(true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(few_keys), cmocka_unit_test(more_keys_than_room)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
