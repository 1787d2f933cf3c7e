/* Which certificates run out and which renewals are odd: the cases one by one, and a thousand renewals of
 * usual shapes that nobody wants to hear of. */
#include "watcher/renewal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/dns.h"
#include "db/dbkey.h"
#include "tests/fixture/watches.h"

#define DAY INT64_C(86400)
#define T0  INT64_C(1700000000)

struct world {
    struct renewal_cert certs[64];
    size_t count;
    struct watch watch;
    struct renewal_unread unread[4];
    size_t unread_count;
    char text[2048]; /* what was told */
};

static struct world *world_new(const char *watched)
{
    struct world *world = calloc(1, sizeof *world);
    assert_non_null(world);
    world->watch = watches_one(watched, 1);
    return world;
}

static void world_free(struct world *world)
{
    free(world->watch.name);
    free(world);
}

/* Names in stored form. */
static struct renewal_cert *issue(struct world *world, const char *names, int64_t begin, int64_t days)
{
    assert_true(world->count < countof(world->certs));
    struct renewal_cert *cert = &world->certs[world->count++];
    *cert = (struct renewal_cert){.names = span_str(names), .issuer = SPAN_LIT("Some CA")};
    cert->life = (struct cadence_one){T0 + begin * DAY, T0 + (begin + days) * DAY - 1};
    dbkey_sha256(cert->names, cert->name_set);
    cert->tbs_fp[0] = (uint8_t)world->count;
    cert->tbs_fp[1] = (uint8_t)(world->count >> 8);
    return cert;
}

static void put(struct world *world, const char *text)
{
    size_t len = strlen(world->text);
    (void)snprintf(world->text + len, sizeof world->text - len, "%s%s", len == 0 ? "" : "; ", text);
}

struct telling {
    struct world *world;
    const struct renewal *renewal;
};

static void on_due(void *arg, const struct renewal_due *due)
{
    struct telling *telling = arg;
    char text[256];
    if (due->level < 0 && !due->missing)
        return;
    if (due->level >= 0)
        assert_int_equal(due->severity, due->level == 0   ? ALERT_CRITICAL
                                        : due->level <= 7 ? ALERT_HIGH
                                                          : ALERT_LOW);
    (void)snprintf(text, sizeof text, "#%zu %.*s+%zu %d%s%s%s", due->cert, (int)due->name.len,
                   (const char *)due->name.at, due->name_count - 1, due->level,
                   due->missing ? " missing" : "", due->unread == NULL ? "" : " but ",
                   due->unread == NULL ? "" : due->unread->log);
    put(telling->world, text);
}

static void on_unusual(void *arg, const struct renewal_unusual *unusual)
{
    static const char *const words[] = {"early", "issuer", "burst"};
    struct telling *telling = arg;
    char text[256];
    (void)snprintf(text, sizeof text, "#%zu %s", unusual->cert, words[unusual->odd]);
    put(telling->world, text);
}

static const char *judge(struct world *world, int64_t day)
{
    struct renewal renewal = {.watch = &world->watch, .certs = world->certs, .count = world->count};
    struct telling telling = {world, &renewal};
    renewal.key = dbkey_apex8(SPAN_LIT("example.com"));
    renewal.now = T0 + day * DAY;
    renewal.unread = world->unread;
    renewal.unread_count = world->unread_count;
    renewal.arg = &telling;
    renewal.due = on_due;
    renewal.unusual = on_unusual;
    world->text[0] = '\0';
    renewal_judge(&renewal);
    return world->text;
}

static void steps(void **state)
{
    struct world *world = world_new("example.com");
    (void)state;
    assert_string_equal(judge(world, 0), "");
    issue(world, "com.example com.example.www", 0, 90);
    assert_string_equal(judge(world, 59), "");
    assert_string_equal(judge(world, 61), "#0 com.example+1 30");
    assert_string_equal(judge(world, 84), "#0 com.example+1 7");
    assert_string_equal(judge(world, 90), "#0 com.example+1 0");
    assert_string_equal(judge(world, 5000), "#0 com.example+1 0");
    /* Better ones: of one name, of the rest by a wildcard. */
    issue(world, "com.example", 70, 90);
    assert_string_equal(judge(world, 84), "#0 com.example.www+0 7");
    issue(world, "com.example.*", 71, 90);
    assert_string_equal(judge(world, 84), "");
    /* A wildcard covers one label, and nothing above itself. */
    issue(world, "com.example.a.b", 0, 85);
    assert_string_equal(judge(world, 84), "#3 com.example.a.b+0 7");
    /* The wildcard runs out: nothing of one name renews it. */
    issue(world, "com.example.www", 100, 90);
    assert_string_equal(judge(world, 155),
                        "#1 com.example+0 7; #2 com.example.*+0 7; #3 com.example.a.b+0 0");
    world_free(world);
}

static void unread(struct world *world, const char *log, int64_t begin, int64_t end, bool waited)
{
    assert_true(world->unread_count < countof(world->unread));
    world->unread[world->unread_count++] = (struct renewal_unread){
        .begin = begin == INT64_MIN ? begin : T0 + begin * DAY,
        .end = end == INT64_MAX ? end : T0 + end * DAY,
        .waited = waited,
        .log = log,
    };
}

/* What is not read yet may renew it: told is what was so when that began. */
static void not_read_yet(void **state)
{
    struct world *world = world_new("example.com");
    (void)state;
    issue(world, "com.example", 0, 90);
    issue(world, "com.example.new", 40, 50);
    unread(world, "a", 50, INT64_MAX, true);
    assert_string_equal(judge(world, 95), "");
    world->unread[0].begin = T0 + 65 * DAY;
    assert_string_equal(judge(world, 95), "#0 com.example+0 30; #1 com.example.new+0 30");
    /* Read until the step before: the end is told when it comes, as far as is known. */
    world->unread[0].begin = T0 + 84 * DAY;
    assert_string_equal(judge(world, 89), "#0 com.example+0 7; #1 com.example.new+0 7");
    assert_string_equal(judge(world, 95), "#0 com.example+0 0 but a; #1 com.example.new+0 0 but a");
    world->unread[0].begin = T0 + 82 * DAY;
    assert_string_equal(judge(world, 95), "#0 com.example+0 30; #1 com.example.new+0 30");
    world->unread[0].begin = T0 + 91 * DAY;
    assert_string_equal(judge(world, 95), "#0 com.example+0 0; #1 com.example.new+0 0");
    /* Of a stretch that ended before it began nothing can be better; a day is allowed for logs that are late.
     */
    world->unread_count = 0;
    unread(world, "a", INT64_MIN, 30, true);
    assert_string_equal(judge(world, 95), "#1 com.example.new+0 0");
    world->unread[0].end = T0 + 41 * DAY;
    assert_string_equal(judge(world, 95), "");
    /* The worst one counts, whatever others say. */
    unread(world, "b", 70, INT64_MAX, true);
    world->unread[0].end = T0 + 30 * DAY;
    assert_string_equal(judge(world, 95), "#1 com.example.new+0 30");
    /* Nobody reads it: told without waiting, and with the reason to doubt. */
    world->unread_count = 0;
    unread(world, "dead", 60, INT64_MAX, false);
    unread(world, "long dead", 20, INT64_MAX, false);
    unread(world, "past", INT64_MIN, -2, false);
    assert_string_equal(judge(world, 95),
                        "#0 com.example+0 0 but long dead; #1 com.example.new+0 0 but long dead");
    world_free(world);
}

/* Of habits, too. */
static void habits_not_read_yet(void **state)
{
    struct world *world = world_new("example.com");
    (void)state;
    for (int i = 0; i < 4; i++)
        issue(world, "com.example", i * 60, 90);
    assert_string_equal(judge(world, 248), "#3 com.example+0 30 missing");
    unread(world, "a", 240, INT64_MAX, true);
    assert_string_equal(judge(world, 248), "");
    world->unread[0].begin = T0 + 247 * DAY;
    assert_string_equal(judge(world, 248), "#3 com.example+0 30 missing");
    issue(world, "com.example", 200, 90)->issuer = SPAN_LIT("Other CA");
    world->unread_count = 0;
    assert_string_equal(judge(world, 205), "#4 early; #4 issuer");
    /* Those in between may be missing, or the first one of that issuer. */
    unread(world, "a", 20, 100, true);
    assert_string_equal(judge(world, 205), "");
    world->unread[0].end = T0 - 3 * DAY;
    assert_string_equal(judge(world, 205), "#4 early; #4 issuer");
    world_free(world);
}

static void days_of_ones_own(void **state)
{
    struct world *world = world_new("example.com");
    (void)state;
    issue(world, "com.example", 0, 90);
    world->watch.expiry_count = 2;
    world->watch.expiry_days[0] = 60;
    world->watch.expiry_days[1] = 10;
    assert_string_equal(judge(world, 29), "");
    assert_string_equal(judge(world, 31), "#0 com.example+0 60");
    assert_string_equal(judge(world, 89), "#0 com.example+0 10");
    world->watch.expiry_off = true;
    assert_string_equal(judge(world, 89), "");
    world_free(world);
    /* Short-lived ones by their length of life: 33 %, 15 %, 0. */
    world = world_new("example.com");
    issue(world, "com.example", 0, 40);
    assert_string_equal(judge(world, 26), "");
    assert_string_equal(judge(world, 27), "#0 com.example+0 30");
    assert_string_equal(judge(world, 33), "#0 com.example+0 30");
    assert_string_equal(judge(world, 35), "#0 com.example+0 7");
    assert_string_equal(judge(world, 40), "#0 com.example+0 0");
    world_free(world);
}

/* On the hour: by how much of a day the end is moved. */
static const char *short_lived(struct world *world, int64_t tenths, int64_t day)
{
    world->count = 0;
    struct renewal_cert *cert = issue(world, "com.example", 0, 40);
    cert->life.not_before -= tenths * DAY / 10;
    cert->life.not_after -= tenths * DAY / 10;
    return judge(world, day);
}

/* 33 % of 40 days are 13.2, 15 % are 6. */
static void the_steps_of_short_lived_ones(void **state)
{
    struct world *world = world_new("example.com");
    (void)state;
    assert_string_equal(short_lived(world, 6, 26), "");
    assert_string_equal(short_lived(world, 9, 26), "#0 com.example+0 30");
    assert_string_equal(short_lived(world, 8, 33), "#0 com.example+0 30");
    assert_string_equal(short_lived(world, 1, 34), "#0 com.example+0 7");
    world_free(world);
}

/* A name of one letter is none, nor is one that only ends with a star; each is renewed by a real one. */
static void what_a_wildcard_is(void **state)
{
    struct world *world = world_new("example.com");
    (void)state;
    issue(world, "com.example.a", 0, 90);
    issue(world, "com.example.x*", 0, 90);
    assert_string_equal(judge(world, 84), "#0 com.example.a+0 7; #1 com.example.x*+0 7");
    issue(world, "com.example.*", 70, 90);
    assert_string_equal(judge(world, 84), "");
    world_free(world);
}

static void whose_names(void **state)
{
    static char *const hidden[] = {(char *)(uintptr_t) "old.example.com"};
    struct world *world = world_new("=www.example.com");
    (void)state;
    /* What covers the one host, also from above; other names are not asked. */
    issue(world, "com.example com.example.www", 0, 90);
    issue(world, "com.example.*", 0, 85);
    assert_string_equal(judge(world, 88), "#0 com.example.www+0 7");
    issue(world, "com.example.*", 40, 90);
    assert_string_equal(judge(world, 88), "");
    issue(world, "com.examples.www com.exampl", 0, 80);
    assert_string_equal(judge(world, 79), "");
    world_free(world);
    world = world_new("example.com");
    world->watch.exclude.at = (char **)(uintptr_t)hidden;
    world->watch.exclude.count = 1;
    issue(world, "com.example.old com.example.old.x com.example.older", 0, 90);
    assert_string_equal(judge(world, 90), "#0 com.example.older+0 0");
    world_free(world);
    /* Somebody else's renews nothing, and is not waited for. */
    world = world_new("example.com");
    issue(world, "com.example", 0, 90);
    issue(world, "com.example", 60, 90)->doubted = true;
    assert_string_equal(judge(world, 88), "#0 com.example+0 7");
    assert_string_equal(judge(world, 149), "#0 com.example+0 0");
    world_free(world);
}

/* An entry that stands for two registered domains, whose certificates come one domain at a time: what is best
 * for a name under the other one is not to be known here. */
static void of_one_domain(void **state)
{
    static const struct watch_item also = {
        .name = (char *)(uintptr_t) "example.org", .kind = WATCH_DNS, .exact = false};
    struct world *world = world_new("example.com");
    (void)state;
    world->watch.more = (struct watch_item *)(uintptr_t)&also;
    world->watch.more_count = 1;
    issue(world, "com.example org.example", 0, 90);
    assert_string_equal(judge(world, 88), "#0 com.example+0 7");
    issue(world, "com.example", 60, 90);
    assert_string_equal(judge(world, 88), "");
    world_free(world);
}

static void cadence(void **state)
{
    struct world *world = world_new("example.com");
    (void)state;
    for (int i = 0; i < 4; i++)
        issue(world, "com.example", i * 65, 90); /* the last one: 195 to 285 */
    assert_string_equal(judge(world, 195 + 61), "");
    assert_string_equal(judge(world, 195 + 68), "");
    /* Late by its own habit, and then by the days as well. */
    assert_string_equal(judge(world, 195 + 70), "#3 com.example+0 30 missing");
    assert_string_equal(judge(world, 195 + 84), "#3 com.example+0 7 missing");
    assert_string_equal(judge(world, 195 + 90), "#3 com.example+0 0");
    world->watch.cadence = WATCH_CADENCE_OFF;
    assert_string_equal(judge(world, 195 + 61), "#3 com.example+0 30");
    world->watch.cadence = WATCH_CADENCE_LEARN;
    /* A name more makes another set, but the habit is that of the name. */
    issue(world, "com.example com.example.www", 260, 90);
    assert_string_equal(judge(world, 260 + 61), "");
    assert_string_equal(judge(world, 260 + 70), "#4 com.example+1 30 missing");
    world_free(world);
    /* Long ones are missed long before the thirty days. */
    world = world_new("example.com");
    for (int i = 0; i < 4; i++)
        issue(world, "com.example", i * 120, 200);
    assert_string_equal(judge(world, 360 + 125), "");
    assert_string_equal(judge(world, 360 + 131), "#3 com.example+0 -1 missing");
    world_free(world);
}

static void unusual(void **state)
{
    struct world *world = world_new("example.com");
    (void)state;
    for (int i = 0; i < 4; i++)
        issue(world, "com.example", i * 60, 90);
    assert_string_equal(judge(world, 181), "");
    issue(world, "com.example", 195, 90);
    assert_string_equal(judge(world, 196), "#4 early");
    assert_string_equal(judge(world, 195 + 13), "#4 early");
    assert_string_equal(judge(world, 195 + 15), ""); /* no news any more */
    /* By another CA, in time. */
    issue(world, "com.example", 255, 90)->issuer = SPAN_LIT("Other CA");
    assert_string_equal(judge(world, 256), "#5 issuer");
    /* Planned: nobody is told. */
    struct watch_expect plan = {.until = T0 + 300 * DAY};
    memcpy(plan.spki_sha256, world->certs[5].spki, 32);
    world->watch.expect = &plan;
    world->watch.expect_count = 1;
    assert_string_equal(judge(world, 256), "");
    world->watch.expect_count = 0;
    world->watch.cadence = WATCH_CADENCE_OFF;
    assert_string_equal(judge(world, 256), "");
    world_free(world);
    /* Two servers, each with a certificate of its own, are no news either; ten in a week are, once. */
    world = world_new("example.com");
    for (int i = 0; i < 8; i++)
        issue(world, "com.example", i / 2 * 60 + i % 2, 90);
    assert_string_equal(judge(world, 182), "");
    for (int i = 0; i < 10; i++)
        issue(world, "com.example", 240, 90);
    assert_string_equal(judge(world, 241), "#13 burst");
    world_free(world);
    /* Names of others are not ours to tell of. */
    world = world_new("example.com");
    for (int i = 0; i < 4; i++)
        issue(world, "com.other", i * 60, 90);
    issue(world, "com.other", 190, 90);
    assert_string_equal(judge(world, 191), "");
    world_free(world);
}

/* A thousand renewals: 60, 90, 200 days, 47 and 6, with the spread of real clients, names added, several
 * key types, looked at twice a day and in the last hour before each renewal. */
static uint64_t seed = 20261122;

static int64_t chance(int64_t most)
{
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (int64_t)(seed >> 33) % most;
}

static size_t look(struct world *world, int64_t now)
{
    struct renewal renewal = {
        .watch = &world->watch, .certs = world->certs, .count = world->count, .now = now};
    struct telling telling = {world, &renewal};
    renewal.key = dbkey_apex8(SPAN_LIT("example.com"));
    renewal.arg = &telling;
    renewal.due = on_due;
    renewal.unusual = on_unusual;
    world->text[0] = '\0';
    renewal_judge(&renewal);
    if (world->text[0] != '\0')
        print_message("false alarm: %s, day %d\n", world->text, (int)((now - T0) / DAY));
    return world->text[0] != '\0';
}

static void renew(struct world *world, const char *names, int64_t begin, int64_t life)
{
    struct renewal_cert *cert = issue(world, names, 0, 1);
    cert->life = (struct cadence_one){begin, begin + life - 1};
    cert->spki[0] = (uint8_t)chance(256); /* a key of its own */
}

static void a_thousand(void **state)
{
    static const struct {
        int64_t life; /* in hours, as the rest */
        int64_t after;
        int64_t spread;
        int pair; /* two key types, a minute apart */
    } shapes[] = {
        {90 * 24, 60 * 24, 12, 0},   {90 * 24, 60 * 24, 72, 0},   {60 * 24, 40 * 24, 24, 0},
        {200 * 24, 170 * 24, 96, 0}, {200 * 24, 185 * 24, 72, 0}, {47 * 24, 31 * 24, 24, 0},
        {6 * 24, 3 * 24, 12, 0},     {90 * 24, 60 * 24, 24, 1},   {398 * 24, 370 * 24, 200, 0},
        {90 * 24, 83 * 24, 24, 0},
    };
    size_t renewals = 0;
    size_t alarms = 0;
    (void)state;
    for (size_t at = 0; at < 100; at++) {
        struct world *world = world_new("example.com");
        size_t shape = at % countof(shapes);
        const char *names = "com.example com.example.www";
        int64_t now = T0 + chance(90) * DAY;
        for (int i = 0; i < 14; i++) {
            if (i == 8 && at % 3 == 0)
                names = "com.example com.example.new com.example.www";
            renew(world, names, now, shapes[shape].life * 3600);
            if (shapes[shape].pair != 0)
                renew(world, names, now + 60, shapes[shape].life * 3600);
            int64_t next = now + (shapes[shape].after + chance(shapes[shape].spread)) * 3600 + chance(3600);
            int64_t step = shapes[shape].life * 60; /* sixty looks in a life */
            size_t told = 0;
            if (i >= 4) {
                for (int64_t t = now + 60; told == 0 && t < next; t += step)
                    told = look(world, t);
                told = told != 0 ? told : look(world, next - 1);
                renewals++;
            }
            alarms += told;
            now = next;
        }
        world_free(world);
    }
    assert_int_equal(renewals, 1000);
    assert_true(alarms <= 1);
}

static int lists(void **state)
{
    struct err why = {0};
    (void)state;
    return dns_psl_load(SPAN_LIT("com\norg\n"), &why) == ERR_OK ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(steps),
        cmocka_unit_test(not_read_yet),
        cmocka_unit_test(habits_not_read_yet),
        cmocka_unit_test(days_of_ones_own),
        cmocka_unit_test(the_steps_of_short_lived_ones),
        cmocka_unit_test(what_a_wildcard_is),
        cmocka_unit_test(whose_names),
        cmocka_unit_test(cadence),
        cmocka_unit_test(unusual),
        cmocka_unit_test(a_thousand),
        cmocka_unit_test(of_one_domain),
    };
    return cmocka_run_group_tests(tests, lists, NULL);
}
