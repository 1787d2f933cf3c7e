/* Bytes to text and back: hex, base64 (small documents only; the hot path has parser/base64.h), times,
 * numbers, and the one way in which hostile bytes may reach a terminal, a log line or a report. */
#ifndef CTVIGIL_TEXT_H
#define CTVIGIL_TEXT_H

#include "base/buf.h"

/* Lower-case hex of `bytes` with a final NUL into out[2 * len + 1]. Returns out. */
char *text_hex(struct span bytes, char *out);
/* Decodes exactly 2 * size hex digits of either case; false otherwise. */
MUST_USE bool text_unhex(struct span hex, uint8_t *out, size_t size);

/* RFC 4648 section 4 with padding. text_base64 writes 4 * ceil(len / 3) + 1 bytes and returns the text's
 * length. */
size_t text_base64(struct span bytes, char *out);
/* Decodes strictly (padding required, no white space); returns false on bad input or when out is too small.
 */
MUST_USE bool text_unbase64(struct span text, uint8_t *out, size_t out_cap, size_t *out_len);

/* Appends `bytes` so that no control byte, escape sequence, bidirectional or invisible control or invalid
 * UTF-8 gets through: each such byte becomes \xHH and a backslash becomes \\. Other UTF-8 stays as it is. */
void text_visible(struct buf *out, struct span bytes);
/* The same into a fixed array, cut off with "..." when it does not fit. Returns out. */
char *text_visible_str(struct span bytes, char *out, size_t out_cap);

/* Appends `bytes` as the inside of a JSON string, one character a byte (Latin-1), all of it ASCII (RFC 8259
 * section 7). */
void text_json(struct buf *out, struct span bytes);

/* True when `bytes` are well-formed UTF-8 (RFC 3629); the empty span is. */
bool text_is_utf8(struct span bytes);

/* ASCII lower case of a name of ours (row names of the .def files) into out; must() that it fits. Returns
 * out. */
char *text_lower(const char *text, char *out, size_t out_cap);

#define TEXT_TIME_MAX 40
/* "2026-11-21T08:46:53Z", or with milliseconds "...53.123Z" when with_ms. Years beyond 9999 or before 0 are
 * written with sign. Returns out[TEXT_TIME_MAX]. */
char *text_time(int64_t unix_ms, bool with_ms, char *out);
/* RFC 3339 with Z or offset, "YYYY-MM-DD" (midnight UTC), or "YYYY-MM-DDTHH:MM[:SS]"; false otherwise. */
MUST_USE bool text_parse_time(struct span text, int64_t *unix_ms);

/* Decimal digits only (with '-' for text_int), in range, nothing else; false otherwise. */
MUST_USE bool text_uint(struct span text, uint64_t *value);
MUST_USE bool text_int(struct span text, int64_t *value);

/* Days since the epoch of a proleptic Gregorian date; month 1 to 12. No libc time zone is involved. */
int64_t text_days(int64_t year, int month, int day);
/* The date of day `days` since the epoch. */
void text_date(int64_t days, int64_t *year, int *month, int *day);

#endif
