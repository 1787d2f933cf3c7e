#include "trust/carule.h"

static const char *const kinds[CARULE_KINDS] = {"anchor", "removed", "blocked",   "not_before",
                                                "sct",    "names",   "test_root", "noted"};
static const char *const targets[CARULE_TARGETS] = {"cert", "key", "issuer_serial"};
static const char *const classes[CARULE_CLASSES] = {"incident",      "incident_intermediate",
                                                    "state_mitm",    "refused",
                                                    "never_trusted", "leaked_key",
                                                    "revoked",       "lifecycle",
                                                    "audit",         "mis_issuance",
                                                    "member"};

static bool find(const char *const *names, size_t count, const char *name, size_t *at)
{
    for (*at = 0; *at < count; (*at)++)
        if (strcmp(names[*at], name) == 0)
            return true;
    return false;
}

const char *carule_kind_name(enum carule_kind kind)
{
    must((unsigned)kind < CARULE_KINDS);
    return kinds[kind];
}

const char *carule_target_name(enum carule_target target)
{
    must((unsigned)target < CARULE_TARGETS);
    return targets[target];
}

const char *carule_class_name(enum carule_class class)
{
    must((unsigned)class < CARULE_CLASSES);
    return classes[class];
}

bool carule_kind_of(const char *name, enum carule_kind *kind)
{
    size_t at;
    bool found = find(kinds, CARULE_KINDS, name, &at);
    if (found)
        *kind = (enum carule_kind)at;
    return found;
}

bool carule_target_of(const char *name, enum carule_target *target)
{
    size_t at;
    bool found = find(targets, CARULE_TARGETS, name, &at);
    if (found)
        *target = (enum carule_target)at;
    return found;
}

bool carule_class_of(const char *name, enum carule_class *class)
{
    size_t at;
    bool found = find(classes, CARULE_CLASSES, name, &at);
    if (found)
        *class = (enum carule_class)at;
    return found;
}

bool carule_alarms(enum carule_class class)
{
    return class <= CARULE_LEAKED_KEY;
}
