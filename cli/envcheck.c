#include "cli/envcheck.h"

#include <ctype.h>
#include <stdio.h>

#include "base/conf.h"
#include "base/text.h"
#include "cli/opt.h"

#define ENVCHECK_PREFIX   "CTVIGIL_"
#define ENVCHECK_NAME_MAX 96

struct envcheck_key {
    const char *name;
    char text[ENVCHECK_NAME_MAX];
};

/* A hook inherits the first ones and may well call the program; the rest is for those who build and test it.
 * A name that ends in "_" stands for all that begin so. */
static const char *const envcheck_others[] = {
    "CTVIGIL_CPU",          "CTVIGIL_ALERT_JSON", "CTVIGIL_ALERT_ID", "CTVIGIL_KIND",    "CTVIGIL_SEVERITY",
    "CTVIGIL_DELIVERY_KEY", "CTVIGIL_EVENT",      "CTVIGIL_SHARED",   "CTVIGIL_SOURCE",  "CTVIGIL_BUILD",
    "CTVIGIL_TIDY_ALL",     "CTVIGIL_TEST_",      "CTVIGIL_PEER_",    "CTVIGIL_GOLDEN_",
};

static void envcheck_keys(struct envcheck_key keys[CONF_KEY_COUNT + 1])
{
    const struct conf_row *rows = conf_rows();

    for (size_t i = 0; i < CONF_KEY_COUNT; i++) {
        must(snprintf(keys[i].text, ENVCHECK_NAME_MAX, ENVCHECK_PREFIX "%s_%s", rows[i].section,
                      rows[i].key) < ENVCHECK_NAME_MAX);
        for (char *c = keys[i].text; *c != '\0'; c++)
            *c = (char)toupper((unsigned char)*c);
        keys[i].name = keys[i].text;
    }
    keys[CONF_KEY_COUNT].name = NULL;
}

static bool envcheck_known(const struct envcheck_key *keys, const char *name)
{
    for (size_t i = 0; keys[i].name != NULL; i++)
        if (strcmp(keys[i].name, name) == 0)
            return true;
    for (size_t i = 0; i < countof(envcheck_others); i++) {
        size_t len = strlen(envcheck_others[i]);
        bool family = envcheck_others[i][len - 1] == '_';
        if (family ? strncmp(envcheck_others[i], name, len) == 0 : strcmp(envcheck_others[i], name) == 0)
            return true;
    }
    return false;
}

bool envcheck_next(char *const *environment, size_t *at, char text[ENVCHECK_TEXT_MAX])
{
    struct envcheck_key keys[CONF_KEY_COUNT + 1];

    envcheck_keys(keys);
    while (environment[*at] != NULL) {
        const char *variable = environment[(*at)++];
        char name[ENVCHECK_NAME_MAX];
        char visible[ENVCHECK_NAME_MAX];
        if (strncmp(variable, ENVCHECK_PREFIX, sizeof ENVCHECK_PREFIX - 1) != 0)
            continue;
        (void)snprintf(name, sizeof name, "%.*s", (int)strcspn(variable, "="), variable);
        if (envcheck_known(keys, name))
            continue;
        const char *near = opt_nearest(name, keys, sizeof *keys);
        (void)snprintf(text, ENVCHECK_TEXT_MAX, "%s: the environment names a key that does not exist; %s%s%s",
                       text_visible_str(span_str(name), visible, sizeof visible),
                       near != NULL ? "did you mean " : "'ctvigil config show' lists them",
                       near != NULL ? near : "", near != NULL ? "?" : "");
        return true;
    }
    return false;
}
