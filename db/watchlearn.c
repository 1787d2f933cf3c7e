#include "db/watchlearn.h"

#include "base/limits.h"
#include "base/text.h"

#define WANTED "off, or days from 1 to 365 are wanted"

_Static_assert(LIMIT_LEARN_DAYS == 365, "the text says so");

static bool read_days(const json_t *value, int64_t *days)
{
    const char *text = json_string_value(value);
    *days = json_is_integer(value) ? json_integer_value(value) : 0;
    return (text == NULL || text_int(span_str(text), days)) && *days >= 1 && *days <= LIMIT_LEARN_DAYS;
}

static bool read_until(const json_t *value, int64_t *until)
{
    const char *text = json_string_value(value);
    int64_t ms = 0;
    if (value == NULL)
        return true;
    if (text == NULL || !text_parse_time(span_str(text), &ms) || ms < 1000)
        return false;
    *until = ms / 1000;
    return true;
}

static bool read_over(const json_t *value, bool *over)
{
    const char *text = json_string_value(value);
    *over = json_is_true(value) || (text != NULL && strcmp(text, "true") == 0);
    return value == NULL || *over || json_is_false(value) || (text != NULL && strcmp(text, "false") == 0);
}

const char *watchlearn_read(struct watch_learning *learning, const json_t *value)
{
    const json_t *days = json_is_object(value) ? json_object_get(value, "days") : value;
    const char *word = json_string_value(value);
    const char *key;
    const json_t *any;
    *learning = (struct watch_learning){0};
    if (json_is_false(value) || (word != NULL && strcmp(word, "off") == 0))
        return NULL;
    json_object_foreach((json_t *)(uintptr_t)value, key, any)
    {
        if (strcmp(key, "days") != 0 && strcmp(key, "until") != 0 && strcmp(key, "over") != 0)
            return "there are the keys days, until and over";
    }
    if (!read_days(days, &learning->days))
        return WANTED;
    if (!read_until(json_object_get(value, "until"), &learning->until))
        return "until: a time such as 2026-12-01T00:00:00Z is wanted";
    if (!read_over(json_object_get(value, "over"), &learning->over) ||
        (learning->over && learning->until == 0))
        return "over: true or false is wanted, and beside it until";
    return NULL;
}

json_t *watchlearn_write(const struct watch_learning *learning)
{
    char time[TEXT_TIME_MAX];
    if (learning->days == 0)
        return NULL;
    json_t *value = json_pack("{s:I}", "days", (json_int_t)learning->days);
    must(value != NULL);
    if (learning->until != 0)
        must(json_object_set_new(value, "until",
                                 json_string(text_time(learning->until * 1000, false, time))) == 0);
    if (learning->over)
        must(json_object_set_new(value, "over", json_true()) == 0);
    return value;
}
