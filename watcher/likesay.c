#include "watcher/likesay.h"

#include "watcher/skeleton.h"

#define SPAN_ARGS(span) (int)(span).len, (const char *)(span).at

static void put_utf8(struct buf *out, uint32_t code)
{
    if (code < 0x80) {
        buf_byte(out, (uint8_t)code);
        return;
    }
    if (code < 0x800) {
        buf_byte(out, (uint8_t)(0xc0 | code >> 6));
    } else {
        if (code < 0x10000) {
            buf_byte(out, (uint8_t)(0xe0 | code >> 12));
        } else {
            buf_byte(out, (uint8_t)(0xf0 | code >> 18));
            buf_byte(out, (uint8_t)(0x80 | (code >> 12 & 0x3f)));
        }
        buf_byte(out, (uint8_t)(0x80 | (code >> 6 & 0x3f)));
    }
    buf_byte(out, (uint8_t)(0x80 | (code & 0x3f)));
}

/* "а" (U+0430 CYRILLIC SMALL LETTER A), a letter of ASCII without the rest. */
static void put_letter(struct buf *out, uint32_t code)
{
    char name[96];
    buf_byte(out, '"');
    put_utf8(out, code);
    buf_byte(out, '"');
    if (code < 0x80)
        return;
    buf_fmt(out, " (U+%04X", (unsigned)code);
    if (*skeleton_name(code, name, sizeof name) != '\0')
        buf_fmt(out, " %s", name);
    buf_byte(out, ')');
}

struct pen {
    struct buf *out;
    unsigned put;
};

static void put_stands(struct pen *pen, const uint32_t *found, size_t found_len, struct span brand)
{
    buf_str(pen->out, pen->put++ == 0 ? ": " : ", ");
    if (found_len == 1) {
        put_letter(pen->out, found[0]);
    } else {
        buf_byte(pen->out, '"');
        for (size_t i = 0; i < found_len; i++)
            put_utf8(pen->out, found[i]);
        buf_byte(pen->out, '"');
    }
    buf_fmt(pen->out, " stands for \"%.*s\"", SPAN_ARGS(brand));
}

static uint8_t code_pair(const uint32_t *codes, size_t len)
{
    const uint8_t two[2] = {len > 0 && codes[0] < 128 ? (uint8_t)codes[0] : 0,
                            len > 1 && codes[1] < 128 ? (uint8_t)codes[1] : 0};
    return len < 2 ? 0 : skeleton_pair(two, 2);
}

/* Both from the left, as long as each letter of one has its letter or pair of letters in the other. */
static void put_differences(const struct likesay *what, const uint32_t *codes, size_t count, struct buf *out)
{
    struct pen pen = {out, 0};
    size_t at = 0;
    size_t b = 0;
    while (at < count && b < what->brand.len) {
        struct span rest = span_part(what->brand, b, what->brand.len);
        uint8_t pair = code_pair(codes + at, count - at);
        uint8_t brand_pair = skeleton_pair(rest.at, rest.len);
        size_t found = 1;
        size_t meant = 1;
        if (codes[at] != rest.at[0] && pair != 0 && pair == rest.at[0])
            found = 2;
        else if (codes[at] != rest.at[0] && brand_pair != 0 && brand_pair == codes[at])
            meant = 2;
        if (codes[at] != rest.at[0])
            put_stands(&pen, codes + at, found, span_part(rest, 0, meant));
        at += found;
        b += meant;
    }
}

void likesay_homoglyph(const struct likesay *what, struct buf *out)
{
    uint32_t codes[SKELETON_MAX];
    size_t count = skeleton_decode(what->label, codes);
    buf_fmt(out, "%.*s reads as %.*s", SPAN_ARGS(what->apex), SPAN_ARGS(what->domain));
    if (skeleton_is_alabel(what->brand))
        return;
    if (skeleton_is_alabel(what->label) && count != 0) {
        buf_str(out, ", shown as ");
        for (size_t i = 0; i < count; i++)
            put_utf8(out, codes[i]);
    }
    put_differences(what, codes, count, out);
}

/* The letters between what both begin and end with. */
static void put_edit(const struct likesay *what, struct buf *out)
{
    struct span a = what->brand;
    struct span b = what->label;
    size_t head = 0;
    size_t tail = 0;
    size_t less = a.len < b.len ? a.len : b.len;
    while (head < less && a.at[head] == b.at[head])
        head++;
    while (tail < less - head && a.at[a.len - 1 - tail] == b.at[b.len - 1 - tail])
        tail++;
    a = span_part(a, head, a.len - tail);
    b = span_part(b, head, b.len - tail);
    if (a.len == 0)
        buf_fmt(out, " with \"%.*s\" added", SPAN_ARGS(b));
    else if (b.len == 0)
        buf_fmt(out, " with \"%.*s\" left out", SPAN_ARGS(a));
    else if (a.len == 2 && b.len == 2)
        buf_fmt(out, " with \"%c\" and \"%c\" in the other order", a.at[0], a.at[1]);
    else
        buf_fmt(out, " with \"%.*s\" in place of \"%.*s\"", SPAN_ARGS(b), SPAN_ARGS(a));
}

void likesay_typo(const struct likesay *what, bool bitflip, struct buf *out)
{
    buf_fmt(out, "%.*s is %.*s", SPAN_ARGS(what->apex), SPAN_ARGS(what->brand));
    if (skeleton_is_alabel(what->label) || skeleton_is_alabel(what->brand))
        buf_str(out, " with other letters that look alike, but for one");
    else if (what->edits > 1)
        buf_str(out, " with two typing errors");
    else
        put_edit(what, out);
    if (bitflip)
        buf_str(out, ", which is one bit of memory away");
}

void likesay_combo(const struct likesay *what, struct buf *out)
{
    buf_fmt(out, "%.*s joins the name %.*s with ", SPAN_ARGS(what->apex), SPAN_ARGS(what->brand));
    if (what->word != NULL)
        buf_fmt(out, "\"%s\"", what->word);
    else
        buf_str(out, "something else");
}

void likesay_host(const struct likesay *what, struct buf *out)
{
    buf_fmt(out,
            "\"%.*s\" stands left of %.*s, which is not a part of %.*s: only the right end says whose it is",
            SPAN_ARGS(what->label), SPAN_ARGS(what->apex), SPAN_ARGS(what->domain));
    if (what->word != NULL)
        buf_fmt(out, "; beside it the word \"%s\"", what->word);
}

void likesay_ending(const struct likesay *what, struct buf *out)
{
    buf_fmt(out, "%.*s is the name %.*s under another ending than %.*s", SPAN_ARGS(what->apex),
            SPAN_ARGS(what->brand), SPAN_ARGS(what->domain));
}
