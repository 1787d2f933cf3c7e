/* Stored inputs of tests/corpus for unit tests, read into an exact-size block so that ASan sees every step
 * too far. */
#ifndef CTVIGIL_SAMPLE_H
#define CTVIGIL_SAMPLE_H

#include <stdio.h>
#include <stdlib.h>

#include "base/span.h"

static inline struct span sample_load(const char *stem_and_name)
{
    const char *source = getenv("CTVIGIL_SOURCE");
    char path[4096];

    (void)snprintf(path, sizeof path, "%s/tests/corpus/%s", source != NULL ? source : ".", stem_and_name);
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        perror(path);
    must(file != NULL && fseek(file, 0, SEEK_END) == 0);
    size_t len = (size_t)ftell(file);
    rewind(file);
    uint8_t *bytes = malloc(len + 1);
    must(bytes != NULL && fread(bytes, 1, len, file) == len);
    (void)fclose(file);
    uint8_t *exact = realloc(bytes, len != 0 ? len : 1);
    must(exact != NULL);
    return span_of(exact, len);
}

static inline void sample_free(struct span sample)
{
    free((void *)(uintptr_t)sample.at);
}

#endif
