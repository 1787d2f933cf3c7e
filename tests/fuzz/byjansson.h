/* A get-entries reply as Jansson and libcrypto read it, against parser/getentries.h by every way that this
 * processor has: what both call JSON has the same entries with the same bytes, and what one refuses the other
 * takes for known reasons only. */
#ifndef CTVIGIL_BYJANSSON_H
#define CTVIGIL_BYJANSSON_H

#include <jansson.h>
#include <openssl/evp.h>
#include <stdlib.h>

#include "parser/getentries.h"
#include "tests/fuzz/foreign.h"

#define BYJANSSON_ITEMS 16

/* Whole groups of digits, of which the last may be padded; libcrypto alone would take more. */
static inline bool byjansson_is_base64(struct span text)
{
    size_t digits = 0;

    while (digits < text.len && base64_digit(text.at[digits]) >= 0)
        digits++;
    size_t pad = text.len - digits;
    return text.len % 4 == 0 && pad <= 2 && (pad < 2 || text.at[text.len - 2] == '=') &&
           (pad < 1 || text.at[text.len - 1] == '=');
}

static inline void byjansson_member(const json_t *text, struct span got)
{
    struct span digits = span_of(json_string_value(text), json_string_length(text));
    bool base64 = json_is_string(text) && byjansson_is_base64(digits);

    must((got.at != NULL) == base64);
    if (!base64)
        return;
    uint8_t *bytes = malloc(digits.len + 1);
    must(bytes != NULL);
    int len = EVP_DecodeBlock(bytes, digits.at, (int)digits.len);
    size_t pad = digits.len == 0                    ? 0
                 : digits.at[digits.len - 2] == '=' ? 2
                 : digits.at[digits.len - 1] == '=' ? 1
                                                    : 0;
    must(len >= 0 && span_eq(got, span_of(bytes, (size_t)len - pad)));
    free(bytes);
}

static inline void byjansson_entries(const json_t *entries, const struct getentries_page *page)
{
    size_t size = json_array_size(entries);

    must(page->count == (size < page->items_max ? size : page->items_max));
    for (size_t i = 0; i < page->count; i++) {
        const json_t *entry = json_array_get(entries, i);
        must(page->items[i].leaf_input.at == NULL || page->items[i].leaf_input.at[-1] == 0);
        byjansson_member(json_object_get(entry, "leaf_input"), page->items[i].leaf_input);
        byjansson_member(json_object_get(entry, "extra_data"), page->items[i].extra_data);
    }
}

static inline bool byjansson_is_reply(const json_t *root)
{
    const json_t *entries = json_object_get(root, "entries");
    return json_is_array(entries) || json_is_null(entries);
}

/* May what Jansson refuses be taken? It checks UTF-8, pairs of surrogates and the size of numbers, and was
 * told to refuse members given twice. */
static inline bool byjansson_strict(struct span text, enum json_error_code code)
{
    if (code == json_error_invalid_syntax)
        return memmem(text.at, text.len, "\\u", 2) != NULL;
    return code != json_error_premature_end_of_input && code != json_error_end_of_input_expected &&
           code != json_error_invalid_format;
}

/* May what Jansson takes be refused? It passes over a NUL behind a number, which is no JSON, and skipped
 * values may be nested less deeply than it allows. */
static inline bool byjansson_lax(struct span text)
{
    size_t open = 0;

    for (size_t i = 0; i < text.len; i++)
        open += text.at[i] == '[' || text.at[i] == '{';
    return open > 60 || memchr(text.at, '\0', text.len) != NULL;
}

static inline void byjansson_check(struct span text, struct arena *arena)
{
    json_error_t error = {0};

    if (!foreign_readable())
        return;
    json_t *root = json_loadb((const char *)text.at, text.len, JSON_REJECT_DUPLICATES, &error);
    size_t mark = arena_mark(arena);

    for (unsigned way = 0; way < BASE64_WAYS; way++) {
        struct getentries_item items[BYJANSSON_ITEMS];
        struct getentries_page page = {items, BYJANSSON_ITEMS, 0};
        if (!base64_way_found((enum base64_way)way))
            continue;
        bool taken = getentries_decode_by((enum base64_way)way, text, arena, &page, NULL) == ERR_OK;
        if (root == NULL)
            must(!taken || byjansson_strict(text, json_error_code(&error)));
        else
            must(taken == byjansson_is_reply(root) || (!taken && byjansson_lax(text)));
        if (root != NULL && taken)
            byjansson_entries(json_object_get(root, "entries"), &page);
        arena_rewind(arena, mark);
    }
    json_decref(root);
}

#endif
