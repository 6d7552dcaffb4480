"""``diffkit organisms``: list, show, add, remove, check and train.

Takes names and files of organisms, bases and recipes. Prints what is known of them, and keeps the
list of the user's own folders.
"""

from diffkit.cli.commands.organisms.check import check
from diffkit.cli.commands.organisms.listing import list_organisms, show
from diffkit.cli.commands.organisms.places import add, remove
from diffkit.cli.commands.organisms.training import train
from diffkit.cli.options import Program

app = Program(help="List, show, add, remove, check and train organisms.", no_args_is_help=True)
app.command("list")(list_organisms)
app.command("show")(show)
app.command("add")(add)
app.command("remove")(remove)
app.command("check")(check)
app.command("train")(train)
