from pathlib import Path

from tinytown import Town

Town.init("hello").close()
with Path("hello/tinytown.toml").open("a") as file:
    file.write('\n[agent_clis.shell]\ncommand = "sh agent.sh"\n')
Path("hello/agent.sh").write_text('date > seen.txt\ntt task complete "$TINYTOWN_TASK_ID" --result "wrote seen.txt"\n')
with Town.open("hello") as town:
    town.spawn("w1", cli="shell")
    task = town.assign("w1", "Write down what time it is")
    print(town.wait(task, timeout=60).result)
