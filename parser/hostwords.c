#include "parser/hostwords.h"

/* Bytes of a character that parts words, from `at` on; 0: none. */
static size_t gap_at(struct span text, size_t at)
{
    /* No-break space, ideographic space, comma and semicolon, full-width comma and semicolon. */
    static const char *const gaps[] = {
        "\xc2\xa0", "\xe3\x80\x80", "\xe3\x80\x81", "\xef\xbc\x8c", "\xef\xbc\x9b",
    };
    const uint8_t *c = text.at + at;
    size_t left = text.len - at;

    if (c[0] < 0x80)
        return (c[0] <= ' ' && c[0] != 0) || c[0] == ',' || c[0] == ';';
    for (size_t i = 0; i < countof(gaps); i++) {
        size_t len = strlen(gaps[i]);
        if (left >= len && memcmp(c, gaps[i], len) == 0)
            return len;
    }
    /* U+2000 to U+200A, U+2028, U+2029, U+202F. */
    if (left >= 3 && c[0] == 0xe2 && c[1] == 0x80 &&
        ((c[2] >= 0x80 && c[2] <= 0x8a) || c[2] == 0xa8 || c[2] == 0xa9 || c[2] == 0xaf))
        return 3;
    return 0;
}

/* Bytes of the dot at `at`; 0: none. */
static size_t dot_at(struct span text, size_t at)
{
    static const char *const dots[] = {"\xe3\x80\x82", "\xef\xbc\x8e", "\xef\xbd\xa1"};
    const uint8_t *c = text.at + at;

    if (c[0] == '.')
        return 1;
    for (size_t i = 0; i < countof(dots) && text.len - at >= 3; i++) {
        if (memcmp(c, dots[i], 3) == 0)
            return 3;
    }
    return 0;
}

static bool is_around(uint8_t c)
{
    return c != 0 && memchr("()<>[]{}\"'`", c, 11) != NULL;
}

static struct span trim(struct span word)
{
    while (word.len != 0 && is_around(word.at[0]))
        word = span_part(word, 1, word.len);
    while (word.len != 0 && is_around(word.at[word.len - 1]))
        word.len--;
    return word;
}

struct hostwords hostwords_of(struct span text)
{
    return (struct hostwords){text};
}

/* The next run of bytes without a gap. */
static bool next_run(struct hostwords *words, struct span *run)
{
    struct span text = words->rest;
    size_t begin = 0;
    size_t end;

    while (begin < text.len && gap_at(text, begin) != 0)
        begin += gap_at(text, begin);
    end = begin;
    while (end < text.len && gap_at(text, end) == 0)
        end++;
    words->rest = span_part(text, end, text.len);
    *run = span_part(text, begin, end);
    return begin != end;
}

bool hostwords_next(struct hostwords *words, struct span *word)
{
    struct span run;

    while (next_run(words, &run)) {
        *word = trim(run);
        if (word->len != 0)
            return true;
    }
    return false;
}

bool hostwords_alone(struct span text)
{
    struct hostwords words;
    struct span word;

    while (text.len != 0 && text.at[0] <= ' ' && text.at[0] != 0)
        text = span_part(text, 1, text.len);
    while (text.len != 0 && text.at[text.len - 1] <= ' ' && text.at[text.len - 1] != 0)
        text.len--;
    words = hostwords_of(text);
    return text.len == 0 || (hostwords_next(&words, &word) && word.len == text.len);
}

bool hostwords_has_dot(struct span text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (dot_at(text, i) != 0)
            return true;
    }
    return false;
}

bool hostwords_could_be(struct span word)
{
    bool inside = false;
    unsigned colons = 0;

    for (size_t i = 0; i < word.len; i++) {
        size_t dot = dot_at(word, i);
        inside = inside || (dot != 0 && i != 0 && i + dot < word.len);
        colons += word.at[i] == ':';
    }
    return inside || colons >= 2 || (word.len != 0 && memchr(word.at, 0, word.len) != NULL);
}
