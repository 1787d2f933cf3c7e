/* The names of CAs that the program is born with: which keys belong to the CAs that a CAA record names
 * (RFC 8659), or that one owner runs (trust/caatable.def). What is imported takes its place. Facts as CCADB
 * has them: a domain may be recognised by several owners, and an owner's key stands for everything that the
 * owner issues from it, under whatever brand. */
#ifndef CTVIGIL_CAATABLE_H
#define CTVIGIL_CAATABLE_H

#include "base/span.h"

#define CAATABLE_NAME_MAX 256

/* "letsencrypt.org" from " LetsEncrypt.org.", "ca:digicert" from "ca:DigiCert, Inc.": what names of CAs are
 * compared as. Blanks around a domain name do not count; of an owner case, signs and the form of the company
 * do not, and what one owner is called in different places is one name ("ca:ISRG", "ca:Internet Security
 * Research Group"). False: nothing is left, or it is too long. */
MUST_USE bool caatable_normal(const char *name, char out[CAATABLE_NAME_MAX]);

/* The name that an owner has here, whatever it is called there; false: it is not known. */
MUST_USE bool caatable_owner(const char *owner, char out[CAATABLE_NAME_MAX]);

/* Every key of the CAs of that name (normal form), with the name of their owner; how many there are. */
size_t caatable_keys(const char *name, void (*each)(void *arg, const uint8_t key[32], const char *owner),
                     void *arg);
/* The names that stand for a key, domains first. */
void caatable_words(const uint8_t key[32], void (*each)(void *arg, const char *name), void *arg);
/* Every name: domains, and owners as "ca:NAME" in the spelling that people use. */
void caatable_names(void (*each)(void *arg, const char *name), void *arg);

#endif
