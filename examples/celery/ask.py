"""Send the task eight times, and print what each run of it returns."""

from tasks import app

for result in [app.send_task("tasks.show") for _ in range(8)]:
    print(result.get(timeout=10))
