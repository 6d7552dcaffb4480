"""``diffkit nulls``: make nulls for an organism of one's own.

Takes an organism, a recipe, or two models. Makes a folder of nulls and prints how far each moves
the model.
"""

from diffkit.cli.commands.nulls.make import make
from diffkit.cli.options import Program

app = Program(help="Make nulls that an organism is compared with.", no_args_is_help=True)
app.command("make")(make)


@app.callback()
def _group() -> None:
    """Keeps ``make`` a command of the group, although it is the only one."""
