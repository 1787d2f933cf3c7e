/* The configuration: one YAML file, overridden by the environment (CTVIGIL_SECTION_KEY), overridden by
 * options. Every key is a row of conf.def, and struct conf has it as conf.SECTION.KEY: STR as char * (never
 * NULL), BOOL as bool, INT as int64_t in the range of its row. */
#ifndef CTVIGIL_CONF_H
#define CTVIGIL_CONF_H

#include "base/buf.h"
#include "base/chanconf.h"
#include "base/err.h"

enum conf_type { CONF_TYPE_STR, CONF_TYPE_BOOL, CONF_TYPE_INT };

enum conf_origin { CONF_FROM_DEFAULT, CONF_FROM_FILE, CONF_FROM_ENVIRONMENT, CONF_FROM_OPTION };

enum conf_key {
#define CONF_KEY(section, key, type, preset, min, max, sentence) CONF_KEY_##section##_##key,
#include "base/conf.def"
    CONF_KEY_COUNT
};

#define CONF_STR  char *
#define CONF_BOOL bool
#define CONF_INT  int64_t

struct conf {
#define CONF_SECTION(section, sentence)                          struct {
#define CONF_KEY(section, key, type, preset, min, max, sentence) CONF_##type key;
#define CONF_END(section)                                                                                    \
    }                                                                                                        \
    section;
#include "base/conf.def"
    enum conf_origin origin[CONF_KEY_COUNT];
    struct chanconf *channels; /* the list `channels` of the file, in its order; names differ */
    size_t channel_count;
};

#undef CONF_STR
#undef CONF_BOOL
#undef CONF_INT

/* One row of conf.def, for help, manual and checks. */
struct conf_row {
    const char *section;
    const char *section_sentence;
    const char *key;
    enum conf_type type;
    const char *preset; /* as text */
    int64_t min;
    int64_t max;
    const char *sentence;
};

const struct conf_row *conf_rows(void); /* CONF_KEY_COUNT of them, by enum conf_key */

/* Defaults, then the file at `path` (NULL: none; one that does not exist is an error), then the environment.
 * Checks everything. ERR_CONFIG names file, line, key and what is allowed, in one line; `conf` is then empty
 * and needs no conf_free. What the values point to (files, servers) is not looked at. */
MUST_USE enum err_code conf_load(const char *path, struct conf *conf, struct err *why);
void conf_free(struct conf *conf);

/* Sets one key from text; `where` names the place for error texts ("--db"). On error the value stays. */
MUST_USE enum err_code conf_set(struct conf *conf, enum conf_key key, const char *text,
                                enum conf_origin origin, const char *where, struct err *why);

/* The value as text; a password in a connection string becomes "***". Returns out[...] cut off with "..."
 * where it does not fit. */
char *conf_value_text(const struct conf *conf, enum conf_key key, char *out, size_t out_cap);
const char *conf_origin_name(enum conf_origin origin); /* "default", "file", "environment", "option" */

/* Every key with value and origin, one a line: "ingest.poll_ms = 5000  (default)". */
void conf_show(const struct conf *conf, struct buf *out);
/* A commented YAML file with every key at its default; it loads. */
void conf_sample(struct buf *out);

#endif
