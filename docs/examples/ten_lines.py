from pathlib import Path

from tinytown import Town

CLI = '\n[agent_clis.shell]\ncommand = "sh agent.sh"\npass_env = ["PATH"]\n'

with Town.init("my-town", cli="shell") as town:
    (town.root / "agent.sh").write_text('echo hello > hello.txt && tt task complete --result "wrote hello.txt"\n')
    town.paths.config.write_text(town.paths.config.read_text() + CLI)
