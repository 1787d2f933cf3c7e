/* A label as the eye reads it: letters that are taken for one another become one letter. Two labels that look
 * alike have one skeleton. Unicode Technical Standard 39 (skeleton) for labels in Punycode, by ICU; for ASCII
 * a table of our own, because TR39 keeps "0" apart from "o" and knows no "5" for "s".
 *
 * A skeleton is for comparing with another one and for nothing else; nobody is shown one. */
#ifndef CTVIGIL_SKELETON_H
#define CTVIGIL_SKELETON_H

#include "base/span.h"

#define SKELETON_MAX  64   /* a label has 63; a longer one is cut off, because it looks like no brand */
#define SKELETON_MORE 0x7f /* a letter that looks like none of a to z */

/* The letter that an ASCII letter or digit is taken for, every other byte as it is. */
uint8_t skeleton_letter(uint8_t c);

/* Of a label in normal form (base/dns.h). With pairs: "rn" is read as "m", "vv" as "w", "cl" as "d". A label
 * that begins with "xn--" and can be decoded is read in Unicode. Returns the length; out has no final NUL. */
size_t skeleton_of(struct span label, bool pairs, uint8_t out[SKELETON_MAX]);

bool skeleton_is_alabel(struct span label);

/* Code points of a label, those of an A-label decoded (RFC 3492, without the rules of IDNA: what a log shows
 * need not keep them). 0: not well-formed, or more than SKELETON_MAX. */
size_t skeleton_decode(struct span label, uint32_t out[SKELETON_MAX]);

/* The pair of letters at the beginning of `rest` that is read as one letter; 0: none. */
uint8_t skeleton_pair(const uint8_t *rest, size_t len);

/* "CYRILLIC SMALL LETTER A" into out; "" when Unicode has no name for it. Returns out. */
const char *skeleton_name(uint32_t code, char *out, size_t out_cap);

#endif
