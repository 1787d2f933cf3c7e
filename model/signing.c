#include "model/signing.h"

#include <string.h>

static const struct {
    enum signing signing;
    const char *word;
    const char *hash;
} rows[] = {
#define X(name, code, word, hash) {SIGNING_##name, word, hash},
#include "model/signing.def"
#undef X
};

const char *signing_word(enum signing signing)
{
    for (size_t i = 0; i < countof(rows); i++)
        if (rows[i].signing == signing)
            return rows[i].word;
    return "unknown";
}

const char *signing_weak_hash(enum signing signing)
{
    for (size_t i = 0; i < countof(rows); i++)
        if (rows[i].signing == signing)
            return rows[i].hash;
    return NULL;
}

bool signing_is_word(const char *word)
{
    for (size_t i = 0; i < countof(rows); i++)
        if (strcmp(rows[i].word, word) == 0)
            return true;
    return false;
}
