/* Words that deceivers join to a brand: from published phishing lists and from what honest sites are called.
 */
#ifndef CTVIGIL_LIKEWORD_H
#define CTVIGIL_LIKEWORD_H

#include "base/span.h"

enum likeword_weight {
    LIKEWORD_UNKNOWN,
    LIKEWORD_NUMBER, /* digits */
    LIKEWORD_WEAK,   /* "group", "shop": honest more often than not */
    LIKEWORD_STRONG, /* "login", "secure": asks for something */
};

/* What `text` is made of, hyphens and dots aside: the weight of its strongest word when words and digits make
 * up all of it, else unknown. *word: the strongest one, static; NULL for digits alone. */
enum likeword_weight likeword_read(struct span text, const char **word);

#endif
