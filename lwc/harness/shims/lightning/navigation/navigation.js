const Navigate = Symbol('Navigate');

/** Opens web pages in a new tab, as Lightning does. */
export function NavigationMixin(Base) {
  return class extends Base {
    [Navigate]({ attributes }) {
      window.open(attributes.url, '_blank', 'noopener');
    }
  };
}
NavigationMixin.Navigate = Navigate;
