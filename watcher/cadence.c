#include "watcher/cadence.h"

#include <stdlib.h>
#include <string.h>

#define DAY       INT64_C(86400)
#define WHOLE     1000
#define SAME_PART 100 /* of its life: what begins within it belongs to the same renewal */
#define SLACK     50
#define IN_TIME   970 /* later is an outage, or was too late */
#define LAST      20

static int64_t life_of(const struct cadence_one *one)
{
    int64_t life = one->not_after - one->not_before + 1;
    return life > 0 ? life : 1;
}

/* Which part of its life had passed when the next one began. */
static int part_of(const struct cadence_one *one, int64_t next)
{
    int64_t after = next - one->not_before;
    int64_t life = life_of(one);
    return after <= 0 ? 0 : after >= 2 * life ? 2 * WHOLE : (int)(after * WHOLE / life);
}

static int by_value(const void *left, const void *right)
{
    const int64_t *a = left;
    const int64_t *b = right;
    return *a < *b ? -1 : *a > *b;
}

static int64_t median(int64_t *values, size_t count)
{
    qsort(values, count, sizeof *values, by_value);
    return values[count / 2];
}

/* The newest renewals, oldest first: each by its last issuance, because that is the one that is waited for.
 */
static size_t renewals_of(const struct cadence_one *ones, size_t count, struct cadence_one out[CADENCE_MOST],
                          struct cadence_one first[CADENCE_MOST])
{
    size_t used = 0;
    for (size_t i = 0; i < count; i++) {
        if (used != 0 && part_of(&first[used - 1], ones[i].not_before) < SAME_PART) {
            out[used - 1] = ones[i];
            continue;
        }
        if (used == CADENCE_MOST) {
            used--;
            memmove(out, out + 1, used * sizeof *out);
            memmove(first, first + 1, used * sizeof *first);
        }
        first[used] = ones[i];
        out[used++] = ones[i];
    }
    return used;
}

void cadence_learn(const struct cadence_one *ones, size_t count, struct cadence *cadence)
{
    struct cadence_one last[CADENCE_MOST];
    struct cadence_one first[CADENCE_MOST];
    int64_t lives[CADENCE_MOST];
    int64_t points[CADENCE_MOST];
    int soonest = IN_TIME;
    size_t used = renewals_of(ones, count, last, first);
    *cadence = (struct cadence){.renewals = used, .early = 2 * WHOLE};
    if (used < CADENCE_LEAST)
        return;
    for (size_t i = 0; i < used; i++) {
        lives[i] = life_of(&last[i]);
        if (i + 1 == used)
            break;
        int part = part_of(&last[i], first[i + 1].not_before);
        points[i] = first[i + 1].not_before - last[i].not_before;
        if (part > cadence->late && part <= IN_TIME)
            cadence->late = part;
        soonest = part < soonest ? part : soonest;
    }
    if (cadence->late == 0)
        cadence->late = IN_TIME;
    cadence->spread = cadence->late - soonest;
    for (size_t i = 0; i + 1 < count; i++) {
        int part = part_of(&ones[i], ones[i + 1].not_before);
        cadence->early = part < cadence->early ? part : cadence->early;
    }
    cadence->life_s = median(lives, used);
    cadence->point_s = median(points, used - 1);
}

/* `more`: 1/1000 of its life. */
static int64_t late_by(const struct cadence *cadence, const struct cadence_one *one, int more)
{
    int64_t life = life_of(one);
    int64_t slack = life * SLACK / WHOLE > DAY ? life * SLACK / WHOLE : DAY;
    int64_t late = one->not_before + life * (cadence->late + more) / WHOLE + slack;
    int64_t last = one->not_after - life * LAST / WHOLE;
    return late < last ? late : last;
}

int64_t cadence_overdue(const struct cadence *cadence, const struct cadence_one *one)
{
    return late_by(cadence, one, 0);
}

int64_t cadence_missing(const struct cadence *cadence, const struct cadence_one *one)
{
    return late_by(cadence, one, cadence->spread + (cadence->renewals <= CADENCE_LEAST ? SLACK : 0));
}
