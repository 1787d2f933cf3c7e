#include "model/finding.h"

#include <pthread.h>

#include "base/text.h"

static const struct {
    const char *name;
    const char *rule;
    const char *sentence;
    enum finding_severity severity;
} rows[FINDING_COUNT] = {
#define X(name, severity, rule, sentence) {#name, rule, sentence, FINDING_##severity},
#include "model/finding.def"
#undef X
};

_Static_assert(FINDING_COUNT <= 128, "struct finding_set has two words");

/* The broken ones among word 0 or 1, put together by the compiler. */
#define X(name, severity, rule, sentence)                                                                    \
    | (FINDING_##severity == FINDING_BROKEN && FINDING_##name / 64 == WORD                                   \
           ? UINT64_C(1) << FINDING_##name % 64                                                              \
           : 0)
#define WORD 0
static const uint64_t broken_low = 0
#include "model/finding.def"
    ;
#undef WORD
#define WORD 1
static const uint64_t broken_high = 0
#include "model/finding.def"
    ;
#undef WORD
#undef X

static pthread_once_t names_once = PTHREAD_ONCE_INIT;
static char names[FINDING_COUNT][40];

static void make_names(void)
{
    for (size_t i = 0; i < FINDING_COUNT; i++)
        (void)text_lower(rows[i].name, names[i], sizeof names[i]);
}

const char *finding_name(enum finding finding)
{
    must((unsigned)finding < FINDING_COUNT);
    must(pthread_once(&names_once, make_names) == 0);
    return names[finding];
}

const char *finding_rule(enum finding finding)
{
    must((unsigned)finding < FINDING_COUNT);
    return rows[finding].rule;
}

const char *finding_sentence(enum finding finding)
{
    must((unsigned)finding < FINDING_COUNT);
    return rows[finding].sentence;
}

enum finding_severity finding_severity(enum finding finding)
{
    must((unsigned)finding < FINDING_COUNT);
    return rows[finding].severity;
}

bool finding_any_broken(const struct finding_set *set)
{
    return ((set->bits[0] & broken_low) | (set->bits[1] & broken_high)) != 0;
}

bool finding_names_lost(const struct finding_set *set)
{
    static const enum finding lost[] = {
        FINDING_CERTIFICATE_UNREADABLE,
        FINDING_SAN_UNREADABLE,
        FINDING_NAMES_TRUNCATED,
        FINDING_LEAF_VERSION,
        FINDING_LEAF_ENTRY_TYPE,
        FINDING_LEAF_UNREADABLE,
        FINDING_ENTRY_STUCK,
    };

    for (size_t i = 0; i < countof(lost); i++) {
        if (finding_has(set, lost[i]))
            return true;
    }
    return false;
}
