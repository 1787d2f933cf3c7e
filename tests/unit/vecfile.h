/* Reading published test vectors without a JSON library: files are small, flat and known. For tests only. */
#ifndef CTVIGIL_VECFILE_H
#define CTVIGIL_VECFILE_H

#include <stdio.h>
#include <stdlib.h>

#include "base/span.h"
#include "base/text.h"

#define VECFILE_MAX (4u << 20)

/* $CTVIGIL_SHARED/vectors/NAME with a NUL behind it; absent when there is no such file. Free(at). */
static inline struct span vecfile_load(const char *name)
{
    const char *shared = getenv("CTVIGIL_SHARED");
    char path[4096];
    FILE *file;
    char *text;
    size_t length;

    (void)snprintf(path, sizeof path, "%.2000s/vectors/%.2000s", shared == NULL ? "/nonexistent" : shared,
                   name);
    file = fopen(path, "rb");
    if (file == NULL)
        return SPAN_NONE;
    text = malloc(VECFILE_MAX + 1);
    must(text != NULL);
    length = fread(text, 1, VECFILE_MAX, file);
    text[length] = '\0';
    (void)fclose(file);
    return span_of(text, length);
}

static inline void vecfile_free(struct span file)
{
    free((void *)(uintptr_t)file.at);
}

/* What stands behind "name": in the text, white space skipped; NULL when it is not there. */
static inline const char *vecfile_find(const char *text, const char *name)
{
    char quoted[128];
    const char *at;

    (void)snprintf(quoted, sizeof quoted, "\"%s\"", name);
    at = strstr(text, quoted);
    if (at == NULL)
        return NULL;
    at += strlen(quoted);
    while (*at == ' ' || *at == ':' || *at == '\n')
        at++;
    return at;
}

static inline uint64_t vecfile_number(const char *text, const char *name)
{
    const char *at = vecfile_find(text, name);

    must(at != NULL);
    return strtoull(at, NULL, 10);
}

/* The string that begins at `at` (its quote), without quotes; *end is behind it. Absent for anything else. */
static inline struct span vecfile_string(const char *at, const char **end)
{
    const char *quote;

    if (at == NULL || *at != '"')
        return SPAN_NONE;
    quote = strchr(at + 1, '"');
    must(quote != NULL);
    if (end != NULL)
        *end = quote + 1;
    return span_of(at + 1, (size_t)(quote - at - 1));
}

/* Base64 into out[cap]; the decoded length, SIZE_MAX when it is no base64 string. */
static inline size_t vecfile_base64(const char *text, const char *name, uint8_t *out, size_t cap)
{
    struct span value = vecfile_string(vecfile_find(text, name), NULL);
    size_t length = 0;

    if (value.at == NULL || !text_unbase64(value, out, cap, &length))
        return SIZE_MAX;
    return length;
}

/* An array of base64 hashes; false when one of them is not 32 bytes long. null counts as an empty array. */
static inline bool vecfile_hashes(const char *text, const char *name, uint8_t (*out)[32], size_t max,
                                  size_t *count)
{
    const char *at = vecfile_find(text, name);

    *count = 0;
    if (at == NULL || *at != '[')
        return true;
    for (at++; *at != ']' && *at != '\0';) {
        size_t length = 0;
        struct span value;
        if (*at != '"') {
            at++;
            continue;
        }
        value = vecfile_string(at, &at);
        must(*count < max);
        if (!text_unbase64(value, out[*count], 32, &length) || length != 32)
            return false;
        ++*count;
    }
    return true;
}

#endif
