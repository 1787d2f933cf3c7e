#include "simtile.h"

#include "base/span.h"

#define SIMTILE_LEVEL_MAX 4 /* 256^5 entries are more than any tree here */
#define SIMTILE_GROUPS    5

/* Decimal digits at *at; no leading zero; false when there is none or the number is above `max`. */
static bool simtile_number(const char **at, unsigned max, unsigned *value)
{
    const char *from = *at;

    *value = 0;
    while (**at >= '0' && **at <= '9' && *at - from < 4)
        *value = *value * 10 + (unsigned)(*(*at)++ - '0');
    return *at > from && (*from != '0' || *at - from == 1) && *value <= max;
}

static bool simtile_digits3(const char **at, uint64_t *value)
{
    for (unsigned i = 0; i < 3; i++) {
        if (**at < '0' || **at > '9')
            return false;
        *value = *value * 10 + (uint64_t)(*(*at)++ - '0');
    }
    return true;
}

/* Groups of three digits, each but the last behind an x and followed by a slash. */
static bool simtile_index(const char **at, uint64_t *index)
{
    *index = 0;
    for (unsigned group = 0; group < SIMTILE_GROUPS; group++) {
        bool more = **at == 'x';
        if (more)
            (*at)++;
        if (!simtile_digits3(at, index))
            return false;
        if (group == 0 && more && *index == 0)
            return false;
        if (!more)
            return true;
        if (*(*at)++ != '/')
            return false;
    }
    return false;
}

bool simtile_parse(const char *path, struct simtile *tile)
{
    const char *at = path;
    unsigned number;

    tile->level = -1;
    tile->width = 256;
    if (strncmp(at, "data/", 5) == 0) {
        at += 5;
    } else {
        if (!simtile_number(&at, SIMTILE_LEVEL_MAX, &number) || *at++ != '/')
            return false;
        tile->level = (int)number;
    }
    if (!simtile_index(&at, &tile->index))
        return false;
    if (*at == '\0')
        return true;
    if (strncmp(at, ".p/", 3) != 0)
        return false;
    at += 3;
    if (!simtile_number(&at, 255, &number) || number == 0 || *at != '\0')
        return false;
    tile->width = number;
    return true;
}
