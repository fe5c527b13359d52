"""The heads without the target that an attack has to beat, with the attack's own hyper-parameters."""

import inspect

from lit_mia.attacks.base import Attack


def controls_of(attack: Attack) -> dict[str, Attack]:
    """The controls of an attack that do without the target.

    Every hyper-parameter that the control shares with the attack has the attack's value; a control is always trained
    from scratch, because a head that was trained elsewhere has seen another target's answers.

    Args:
        attack: The attack.

    Returns:
        Kind → control, not built.
    """
    return {kind: _with_settings_of(attack, control) for kind, control in attack.controls.items()}


def _with_settings_of(attack: Attack, control: type[Attack]) -> Attack:
    names = set(inspect.signature(control.__init__).parameters) - {"self", "init_from", "freeze_trunk"}
    return control(**{name: value for name, value in attack.hparams.items() if name in names})
