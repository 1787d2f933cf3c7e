/* Why a name looks like a brand, as a sentence for the person who reads the alert. Names are in normal form;
 * letters that are no ASCII come out as UTF-8 with their code point and name beside them. */
#ifndef CTVIGIL_LIKESAY_H
#define CTVIGIL_LIKESAY_H

#include "base/buf.h"

struct likesay {
    struct span brand;  /* the label: "example" */
    struct span domain; /* "example.com" */
    struct span text;   /* the name of the certificate */
    struct span apex;   /* its registrable domain */
    struct span label;  /* of it, what looks like the brand */
    const char *word;   /* joined to it; NULL: none that is known */
    unsigned edits;
};

void likesay_homoglyph(const struct likesay *what, struct buf *out);
void likesay_typo(const struct likesay *what, bool bitflip, struct buf *out);
void likesay_combo(const struct likesay *what, struct buf *out);
void likesay_host(const struct likesay *what, struct buf *out);
void likesay_ending(const struct likesay *what, struct buf *out);

#endif
