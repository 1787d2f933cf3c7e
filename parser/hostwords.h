/* The words of a text that may name several hosts: "www.example.com, example.com" in one common name. Words
 * are parted by white space (Unicode's too), commas and semicolons, those of Chinese and Japanese writing
 * included. What looks like a dot to IDNA (UTS #46 section 2.3: U+3002, U+FF0E, U+FF61) is one here. Zero
 * copy, no allocation; it reads no name, base/dns.h does. */
#ifndef CTVIGIL_HOSTWORDS_H
#define CTVIGIL_HOSTWORDS_H

#include "base/span.h"

struct hostwords {
    struct span rest;
};

/* `text`: UTF-8, or whatever else it turns out to be. */
struct hostwords hostwords_of(struct span text);
/* The next word, without the brackets and quotes around it; never empty. False: no more. */
bool hostwords_next(struct hostwords *words, struct span *word);

/* Is the text one word (or none) with nothing but ASCII white space around it? */
bool hostwords_alone(struct span text);
/* Is some dot in it, of any kind? */
bool hostwords_has_dot(struct span text);
/* Could the word be meant as a host name or an address, when it stands in free text: has it a dot inside, two
 * colons, or a NUL? "localhost" and "Inc." could not. */
bool hostwords_could_be(struct span word);

#endif
