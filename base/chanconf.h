/* One entry of the list `channels` of the configuration: where alerts go, which ones, and when. Every key is
 * a row of chanconf.def and has its member here: STR as char * (never NULL), BOOL as bool, INT as int64_t in
 * the range of its row. */
#ifndef CTVIGIL_CHANCONF_H
#define CTVIGIL_CHANCONF_H

#include "base/buf.h"
#include "base/err.h"

enum chanconf_key {
#define CHAN_KEY(key, type, kinds, preset, min, max, sentence) CHANCONF_KEY_##key,
#include "base/chanconf.def"
    CHANCONF_KEY_COUNT
};

#define CHANCONF_STR  char *
#define CHANCONF_BOOL bool
#define CHANCONF_INT  int64_t

struct chanconf {
#define CHAN_KEY(key, type, kinds, preset, min, max, sentence) CHANCONF_##type key;
#include "base/chanconf.def"
};

#undef CHANCONF_STR
#undef CHANCONF_BOOL
#undef CHANCONF_INT

#define CHANCONF_NAME_MAX 40

const char *chanconf_key_name(enum chanconf_key key);

/* Reads one entry; texts[key] is NULL where the file does not have the key. Checks form and fit: a key that
 * its kind does not have, words that are none. What the values point to is not looked at. ERR_CONFIG begins
 * with the key, which *wrong names too; `conf` is then empty. */
MUST_USE enum err_code chanconf_read(const char *const texts[CHANCONF_KEY_COUNT], struct chanconf *conf,
                                     enum chanconf_key *wrong, struct err *why);
void chanconf_free(struct chanconf *conf);

/* Every key that is not at its default: "channels[NAME].key = value", one a line; a URL without its path,
 * which may be a secret. */
void chanconf_show(const struct chanconf *conf, struct buf *out);
/* The value as text, masked in the same way. */
const char *chanconf_value_text(const struct chanconf *conf, enum chanconf_key key, char *out,
                                size_t out_cap);
/* Is it at its default? */
bool chanconf_preset(const struct chanconf *conf, enum chanconf_key key);
/* A commented-out list with a channel of each kind, and every key with its sentence. */
void chanconf_sample(struct buf *out);

#endif
