"""The worked questions of docs/research.md, one folder each: query.sql, heads (columns of the sample), scans (when it reads all
certificates), empty (when no row is an answer, too). Fails when a question has no query or no sample."""
import pathlib
import re
import sys

text = pathlib.Path(sys.argv[1]).read_text(encoding="utf-8")
out = pathlib.Path(sys.argv[2])
questions = re.split(r"^### (?=\d+\. )", text, flags=re.M)[1:]
for number, question in enumerate(questions, 1):
    question = question.split("\n## ")[0]
    if not question.startswith(f"{number}. "):
        sys.exit(f"question {number}: found {question[:40]!r}")
    query = re.findall(r"^```sql\n(.*?)^```$", question, flags=re.M | re.S)
    sample = re.findall(r"^```text\n(.*?)^```$", question, flags=re.M | re.S)
    if len(query) != 1 or len(sample) != 1:
        sys.exit(f"question {number}: {len(query)} queries and {len(sample)} samples")
    folder = out / f"{number:02}"
    folder.mkdir(parents=True)
    (folder / "query.sql").write_text(query[0].rstrip().rstrip(";") + "\n", encoding="utf-8")
    (folder / "heads").write_text("|".join(part.strip() for part in sample[0].splitlines()[0].split("|")) + "\n")
    if "*Reads all certificates" in question:
        (folder / "scans").touch()
    if "*May be empty" in question:
        (folder / "empty").touch()
print(len(questions))
