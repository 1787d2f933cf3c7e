/* The keys behind a name of a CA: a domain as in CAA records ("letsencrypt.org") or an owner
 * ("ca:Amazon"). Imported trust data counts, and without it what the program was born with. Remembers what
 * it found; for one thread, as commands have it. */
#ifndef CTVIGIL_CAAFIND_H
#define CTVIGIL_CAAFIND_H

#include "cli/allow.h"

/* `dsn` NULL: no database is at hand, and only what the program was born with counts. A name that stands for
 * no key is ERR_USAGE, with the nearest one that does and what to do. *warning says when the name
 * stands for CAs of several owners. */
MUST_USE enum err_code caafind_keys(const char *dsn, const char *given, allow_each *each, void *arg,
                                    struct err *warning, struct err *why);
/* How a policy would best name the CA with that key: a domain that stands for the CAs of one owner, else the
 * owner, else "spki:HEX". */
#define CAAFIND_WORD_MAX 264
MUST_USE enum err_code caafind_word(const char *dsn, const uint8_t key[32], char out[CAAFIND_WORD_MAX],
                                    struct err *why);
/* Forgets: the trust data changed. */
void caafind_forget(void);

#endif
