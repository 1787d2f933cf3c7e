#include "db/watchplan.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/limits.h"
#include "base/text.h"

#define DAYS_MAX     3650
#define WITHIN_MAX_H 2160

static bool bad(struct watchplan_problem *why, const char *key, const char *text)
{
    *why = (struct watchplan_problem){key, text};
    return false;
}

/* The end of the day, or the moment. */
static bool read_until(const char *text, int64_t *until)
{
    char whole[40];
    int64_t ms = 0;
    size_t len = strlen(text);
    bool day = len == 10;
    if (len > 30)
        return false;
    memcpy(whole, text, len);
    memcpy(whole + len, day ? "T00:00:00Z" : "", day ? 11 : 1);
    if (!text_parse_time(span_str(whole), &ms))
        return false;
    *until = ms / 1000 + (day ? 86400 : 0);
    return true;
}

static bool read_planned(struct watch *watch, const json_t *value, struct watchplan_problem *why)
{
    struct watch_expect *grown = reallocarray(watch->expect, watch->expect_count + 1, sizeof *grown);
    const char *spki = json_string_value(json_object_get(value, "spki"));
    const char *until = json_string_value(json_object_get(value, "until"));
    const char *note = json_string_value(json_object_get(value, "note"));
    const char *key;
    const json_t *any;
    must(grown != NULL);
    watch->expect = grown;
    struct watch_expect *expect = &watch->expect[watch->expect_count];
    *expect = (struct watch_expect){.until = 0};
    json_object_foreach((json_t *)(uintptr_t)value, key, any)
    {
        if (strcmp(key, "spki") != 0 && strcmp(key, "until") != 0 && strcmp(key, "note") != 0)
            return bad(why, key, "there is no such key; there are spki, until and note");
    }
    if (spki == NULL || strlen(spki) != 64 || !text_unhex(span_str(spki), expect->spki_sha256, 32))
        return bad(why, "spki", "the SHA-256 of the key, 64 hex digits, is wanted");
    if (until == NULL || !read_until(until, &expect->until))
        return bad(why, "until", "a day such as 2026-12-01 is wanted");
    watch->expect_count++;
    expect->until_text = strdup(until);
    expect->note = note == NULL ? NULL : strdup(note);
    must(expect->until_text != NULL && (note == NULL || expect->note != NULL));
    return true;
}

bool watchplan_read_expect(struct watch *watch, const json_t *value, struct watchplan_problem *why)
{
    bool good = true;
    if (!json_is_array(value) || json_array_size(value) > LIMIT_POLICY_LIST)
        return bad(why, "", "a list of planned certificates is wanted");
    for (size_t i = 0; good && i < json_array_size(value); i++)
        good = read_planned(watch, json_array_get(value, i), why);
    return good;
}

json_t *watchplan_expect(const struct watch *watch)
{
    json_t *list = json_array();
    for (size_t i = 0; i < watch->expect_count; i++) {
        const struct watch_expect *expect = &watch->expect[i];
        char hex[65];
        json_t *one = json_pack("{s:s, s:s}", "spki", text_hex(span_of(expect->spki_sha256, 32), hex),
                                "until", expect->until_text);
        must(one != NULL);
        if (expect->note != NULL)
            must(json_object_set_new(one, "note", json_string(expect->note)) == 0);
        must(json_array_append_new(list, one) == 0);
    }
    return list;
}

static bool read_days(const json_t *value, uint16_t *days)
{
    const char *text = json_string_value(value);
    int64_t number = json_is_integer(value) ? json_integer_value(value) : -1;
    if (text != NULL && !text_int(span_str(text), &number))
        return false;
    *days = (uint16_t)number;
    return number >= 0 && number <= DAYS_MAX;
}

static int longest_first(const void *left, const void *right)
{
    const uint16_t *a = left;
    const uint16_t *b = right;
    return *a > *b ? -1 : *a < *b;
}

static bool is_word(const json_t *value, const char *word)
{
    return json_is_string(value) && strcmp(json_string_value(value), word) == 0;
}

bool watchplan_read_expiry(struct watch *watch, const json_t *value, struct watchplan_problem *why)
{
    /* YAML reads a bare `off` or `on` as it likes. */
    bool off = json_is_false(value) || is_word(value, "off");
    watch->expiry_off = off;
    watch->expiry_count = 0;
    if (off || json_is_true(value) || is_word(value, "on"))
        return true;
    const json_t *list = json_is_object(value) ? json_object_get(value, "days") : value;
    if (json_is_object(value) && (json_object_size(value) != 1 || list == NULL))
        return bad(why, "", "there is one key, days");
    size_t count = json_is_array(list) ? json_array_size(list) : 0;
    if (count == 0 || count > WATCH_EXPIRY_MAX)
        return bad(why, "", "off, or a list of one to eight numbers of days is wanted");
    for (size_t i = 0; i < count; i++) {
        if (!read_days(json_array_get(list, i), &watch->expiry_days[i]))
            return bad(why, "", "numbers of days from 0 to 3650 are wanted");
    }
    qsort(watch->expiry_days, count, sizeof *watch->expiry_days, longest_first);
    for (size_t i = 0; i < count; i++)
        if (i == 0 || watch->expiry_days[i] != watch->expiry_days[i - 1])
            watch->expiry_days[watch->expiry_count++] = watch->expiry_days[i];
    return true;
}

json_t *watchplan_expiry(const struct watch *watch)
{
    if (watch->expiry_off)
        return json_string("off");
    if (watch->expiry_count == 0)
        return NULL;
    json_t *list = json_array();
    for (size_t i = 0; i < watch->expiry_count; i++)
        must(json_array_append_new(list, json_integer(watch->expiry_days[i])) == 0);
    return json_pack("{s:o}", "days", list);
}

/* "72h", "3d" */
static bool read_time(const char *text, int64_t *seconds)
{
    size_t len = text == NULL ? 0 : strlen(text);
    int64_t number = 0;
    if (len < 2 || (text[len - 1] != 'h' && text[len - 1] != 'd') ||
        !text_int(span_of((const uint8_t *)text, len - 1), &number) || number < 1 || number > WITHIN_MAX_H)
        return false;
    *seconds = number * (text[len - 1] == 'd' ? 86400 : 3600);
    return *seconds <= WITHIN_MAX_H * INT64_C(3600);
}

bool watchplan_read_pairing(struct watch *watch, const json_t *value, struct watchplan_problem *why)
{
    /* YAML reads a bare `off` or `on` as it likes. */
    bool off = json_is_false(value) || is_word(value, "off");
    const json_t *within = json_object_get(value, "final_within");
    watch->pairing = off ? WATCH_PAIRING_OFF : WATCH_PAIRING_ON;
    watch->final_within_s = 0;
    if (off || json_is_true(value) || is_word(value, "on"))
        return true;
    if (json_object_size(value) != 1 || within == NULL)
        return bad(why, "", "one of: on off, or {final_within: 72h} is wanted");
    return read_time(json_string_value(within), &watch->final_within_s)
               ? true
               : bad(why, "final_within", "hours or days, 1h to 90d, are wanted");
}

json_t *watchplan_pairing(const struct watch *watch)
{
    char text[32];
    if (watch->pairing == WATCH_PAIRING_OFF)
        return json_string("off");
    if (watch->final_within_s == 0)
        return NULL;
    (void)snprintf(text, sizeof text, "%" PRId64 "h", watch->final_within_s / 3600);
    return json_pack("{s:s}", "final_within", text);
}
