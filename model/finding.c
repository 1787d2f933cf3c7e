#include "model/finding.h"

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

/* The names in lower case, letter by letter and by the compiler, so that there is nothing to be made when the
 * first one is asked for. */
#define AT(text, i)      (text)[(i) < sizeof(text) ? (i) : sizeof(text) - 1]
#define LOWER(text, i)   (char)(AT(text, i) >= 'A' && AT(text, i) <= 'Z' ? AT(text, i) | 0x20 : AT(text, i))
#define LOWER4(text, i)  LOWER(text, i), LOWER(text, (i) + 1), LOWER(text, (i) + 2), LOWER(text, (i) + 3)
#define LOWER16(text, i) LOWER4(text, i), LOWER4(text, (i) + 4), LOWER4(text, (i) + 8), LOWER4(text, (i) + 12)
#define NAME_SIZE        48

static const char names[FINDING_COUNT][NAME_SIZE] = {
#define X(name, severity, rule, sentence) {LOWER16(#name, 0), LOWER16(#name, 16), LOWER16(#name, 32)},
#include "model/finding.def"
#undef X
};

#define X(name, severity, rule, sentence)                                                                    \
    _Static_assert(sizeof(#name) <= NAME_SIZE, "the name of a finding has room");
#include "model/finding.def"
#undef X

const char *finding_name(enum finding finding)
{
    must((unsigned)finding < FINDING_COUNT);
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
