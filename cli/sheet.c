#include "cli/sheet.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/limits.h"
#include "base/text.h"

static const char *const styles[] = {
    [SHEET_PLAIN] = "",        [SHEET_STRONG] = "\x1b[1m", [SHEET_FAINT] = "\x1b[2m",
    [SHEET_GOOD] = "\x1b[32m", [SHEET_ODD] = "\x1b[33m",   [SHEET_BAD] = "\x1b[1;31m",
};

static size_t width_of(size_t columns)
{
    if (columns == 0)
        return SHEET_COLUMNS;
    if (columns < SHEET_COLUMNS_LEAST)
        return SHEET_COLUMNS_LEAST;
    return columns > SHEET_COLUMNS_MOST ? SHEET_COLUMNS_MOST : columns;
}

void sheet_begin(struct sheet *sheet, struct buf *out, size_t columns, bool color, bool all)
{
    *sheet = (struct sheet){.out = out, .color = color, .all = all, .width = width_of(columns)};
    buf_init(&sheet->piece, LIMIT_BIG_BATCH_BYTES);
}

void sheet_end(struct sheet *sheet)
{
    if (sheet->column != 0)
        buf_byte(sheet->out, '\n');
    buf_fini(&sheet->piece);
}

static void style_on(struct sheet *sheet, enum sheet_style style)
{
    if (sheet->color && style != SHEET_PLAIN)
        buf_str(sheet->out, styles[style]);
}

static void style_off(struct sheet *sheet, enum sheet_style style)
{
    if (sheet->color && style != SHEET_PLAIN)
        buf_str(sheet->out, "\x1b[0m");
}

static size_t columns_of(struct span text)
{
    size_t columns = 0;

    for (size_t i = 0; i < text.len; i++)
        columns += (text.at[i] & 0xc0u) != 0x80;
    return columns;
}

static void put(struct sheet *sheet, struct span text)
{
    buf_put(sheet->out, text);
    sheet->column += columns_of(text);
}

static void spaces(struct sheet *sheet, size_t until)
{
    while (sheet->column < until)
        put(sheet, SPAN_LIT(" "));
}

static void line_end(struct sheet *sheet)
{
    if (sheet->column != 0)
        buf_byte(sheet->out, '\n');
    sheet->column = 0;
}

/* Into `piece`, cut off where it is too long, at the border of a character. */
static struct span visible(struct sheet *sheet, struct span text)
{
    struct span part = text;

    buf_clear(&sheet->piece);
    if (!sheet->all && text.len > SHEET_TEXT_MOST) {
        part = span_part(text, 0, SHEET_TEXT_MOST);
        while (part.len != 0 && (text.at[part.len] & 0xc0u) == 0x80)
            part.len--;
    }
    text_visible(&sheet->piece, part);
    if (part.len != text.len)
        buf_fmt(&sheet->piece, "... (%zu bytes)", text.len);
    return buf_span(&sheet->piece);
}

void sheet_title(struct sheet *sheet, enum sheet_style style, struct span text)
{
    line_end(sheet);
    style_on(sheet, style);
    put(sheet, visible(sheet, text));
    style_off(sheet, style);
    line_end(sheet);
}

void sheet_row(struct sheet *sheet, const char *label)
{
    line_end(sheet);
    sheet->row = sheet->out->len;
    put(sheet, SPAN_LIT("  "));
    style_on(sheet, SHEET_FAINT);
    put(sheet, span_str(label));
    style_off(sheet, SHEET_FAINT);
    spaces(sheet, SHEET_INDENT);
    sheet->hang = 0;
    sheet->next = false;
    sheet->fresh = false;
    sheet->begun = false;
    sheet->filled = false;
}

void sheet_drop(struct sheet *sheet)
{
    if (sheet->filled)
        return;
    sheet->out->len = sheet->row;
    sheet->column = 0;
}

void sheet_next(struct sheet *sheet)
{
    sheet->next = sheet->next || sheet->begun;
    sheet->hang = 0;
}

void sheet_hang(struct sheet *sheet, size_t columns)
{
    sheet->hang = columns;
}

/* A line is begun only when there is something for it. */
static void new_line(struct sheet *sheet)
{
    if (!sheet->next)
        return;
    line_end(sheet);
    spaces(sheet, SHEET_INDENT);
    sheet->next = false;
    sheet->begun = false;
    sheet->fresh = false;
}

void sheet_tag(struct sheet *sheet, const char *tag, int width)
{
    sheet_next(sheet);
    new_line(sheet);
    style_on(sheet, SHEET_FAINT);
    put(sheet, visible(sheet, span_str(tag)));
    style_off(sheet, SHEET_FAINT);
    sheet->hang = (size_t)width;
    put(sheet, SPAN_LIT(" "));
    spaces(sheet, SHEET_INDENT + (size_t)width);
    sheet->begun = true;
    sheet->fresh = true;
    sheet->filled = true;
}

/* `glue` in front unless the line is new; a line that would be too long ends before. */
static void put_word(struct sheet *sheet, struct span word, struct span glue, enum sheet_style begins)
{
    size_t last = glue.len == 0 ? 0 : glue.len - 1; /* its final space may be a line's end */

    new_line(sheet);
    bool first = !sheet->begun || sheet->fresh;
    if (!first && sheet->column + glue.len + columns_of(word) > sheet->width - 1) {
        put(sheet, span_part(glue, 0, last));
        line_end(sheet);
        spaces(sheet, SHEET_INDENT + sheet->hang);
    } else if (!first) {
        put(sheet, glue);
    }
    style_on(sheet, begins);
    put(sheet, word);
    sheet->fresh = false;
    sheet->begun = true;
    sheet->filled = true;
}

void sheet_words(struct sheet *sheet, enum sheet_style style, struct span text)
{
    struct span left = visible(sheet, text);

    if (left.len == 0)
        return;
    for (enum sheet_style begins = style; left.len != 0; begins = SHEET_PLAIN) {
        const uint8_t *end = memchr(left.at, ' ', left.len);
        size_t len = end == NULL ? left.len : (size_t)(end - left.at);
        put_word(sheet, span_part(left, 0, len), SPAN_LIT(" "), begins);
        left = span_part(left, end == NULL ? len : len + 1, left.len);
    }
    style_off(sheet, style);
}

void sheet_fmt(struct sheet *sheet, enum sheet_style style, const char *fmt, ...)
{
    char text[1024];
    va_list args;

    va_start(args, fmt);
    (void)vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    sheet_words(sheet, style, span_str(text));
}

void sheet_item(struct sheet *sheet, enum sheet_style style, struct span text)
{
    struct span piece = visible(sheet, text);

    put_word(sheet, piece, SPAN_LIT(", "), style);
    style_off(sheet, style);
}

void sheet_list(struct sheet *sheet)
{
    sheet->shown = 0;
    sheet->hidden = 0;
}

bool sheet_lists(struct sheet *sheet)
{
    if (!sheet->all && sheet->shown >= SHEET_LIST_MOST) {
        sheet->hidden++;
        return false;
    }
    sheet->shown++;
    return true;
}

void sheet_unlist(struct sheet *sheet)
{
    if (sheet->hidden == 0)
        return;
    sheet_next(sheet);
    sheet_fmt(sheet, SHEET_ODD, "and %zu more (--all shows them)", sheet->hidden);
}
