/* How much a name of a certificate looks like the registered domain of somebody else: one name against one
 * brand, with care and in words. Pure. What has to be asked of every name of the stream is
 * watcher/lookalike.h; this is asked of what it finds.
 *
 * Techniques are those of dnstwist and of published phishing lists: look-alike letters (UTS 39), typing
 * errors, bit errors, combined words, the brand as a host name below another domain, other endings. A score
 * is an opinion in 0 to 100, and each has its reason in words (likeness_say). */
#ifndef CTVIGIL_LIKENESS_H
#define CTVIGIL_LIKENESS_H

#include "base/buf.h"
#include "watcher/skeleton.h"

enum likeness_technique {
    LIKENESS_NONE,
    LIKENESS_HOMOGLYPH, /* reads the same: other letters that look alike */
    LIKENESS_TYPO,      /* a letter added, left out, swapped or another one; two of these in a long name */
    LIKENESS_BITFLIP,   /* one letter of which one bit differs */
    LIKENESS_COMBO,     /* the brand joined with other words */
    LIKENESS_HOST,      /* the brand left of somebody else's registered domain */
    LIKENESS_ENDING,    /* the brand under another public suffix */
};

/* A brand is the label left of the public suffix of a registered domain. */
struct likeness_brand {
    struct span label;           /* "example": borrowed */
    struct span domain;          /* "example.com": borrowed */
    uint8_t plain[SKELETON_MAX]; /* skeleton without pairs */
    uint8_t plain_len;
    uint8_t pairs[SKELETON_MAX]; /* and with them */
    uint8_t pairs_len;
};

struct likeness {
    enum likeness_technique technique;
    uint8_t score;      /* 0 with LIKENESS_NONE */
    uint8_t edits;      /* typing errors, beside look-alike letters */
    struct span label;  /* of the name: the one that looks like the brand */
    const char *detail; /* a word that was joined to the brand, or NULL: static */
};

#define LIKENESS_LETTERS_MAX 40 /* of a label that may be a typing error; the longest brands have 25 */
#define LIKENESS_LABEL_MIN   3  /* letters of a brand; shorter ones look like everything */

/* `domain` in normal form is its own registrable domain, and lives as long as the brand. False: the label is
 * shorter than LIKENESS_LABEL_MIN or longer than a label may be. */
MUST_USE bool likeness_brand_init(struct likeness_brand *brand, struct span domain);

/* `apex` is the registrable domain of `text`, a part of it (struct name). The best of all techniques; false
 * and LIKENESS_NONE when the name does not look like it, or belongs to the brand's own domain. */
bool likeness_judge(const struct likeness_brand *brand, struct span text, struct span apex,
                    struct likeness *out);

/* Appends the reason as a sentence without full stop, UTF-8 as it is: 'paypa1.com reads as paypal.com: "1"
 * stands for "l"'. It depends on the registrable domain alone, so that further certificates for it bring no
 * new text; names a host only where that is what deceives. */
void likeness_say(const struct likeness_brand *brand, const struct likeness *like, struct span text,
                  struct span apex, struct buf *out);

const char *likeness_technique_name(enum likeness_technique technique); /* "homoglyph", "typo", ... */

#endif
