#include "model/listed.h"

static const char *const names[] = {"", "pending", "qualified", "usable", "readonly", "retired", "rejected"};

const char *listed_state_name(enum listed_state state)
{
    must((unsigned)state < countof(names));
    return names[state];
}

bool listed_state_parse(const char *name, enum listed_state *state)
{
    *state = LISTED_NONE;
    for (size_t i = 1; i < countof(names); i++) {
        if (strcmp(name, names[i]) == 0) {
            *state = (enum listed_state)i;
            return true;
        }
    }
    return false;
}
