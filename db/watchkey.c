#include "db/watchkey.h"

#include <string.h>

static unsigned least(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

unsigned watchkey_distance(const char *typed, const char *known)
{
    unsigned rows[3][WATCHKEY_MAX + 1];
    unsigned *before = rows[0];
    unsigned *last = rows[1];
    unsigned *row = rows[2];
    size_t width = strlen(known);
    if (strlen(typed) > WATCHKEY_MAX || width > WATCHKEY_MAX)
        return 99;
    for (size_t k = 0; k <= width; k++)
        last[k] = (unsigned)k;
    for (size_t i = 1; i <= strlen(typed); i++) {
        row[0] = (unsigned)i;
        for (size_t k = 1; k <= width; k++) {
            bool swapped = i > 1 && k > 1 && typed[i - 1] == known[k - 2] && typed[i - 2] == known[k - 1];
            row[k] = least(least(last[k], row[k - 1]) + 1, last[k - 1] + (typed[i - 1] != known[k - 1]));
            if (swapped)
                row[k] = least(row[k], before[k - 2] + 1);
        }
        unsigned *free_row = before;
        before = last;
        last = row;
        row = free_row;
    }
    return last[width];
}

bool watchkey_near(const char *typed, unsigned distance)
{
    return distance <= 2 && 3 * distance <= strlen(typed);
}
