import { createElement } from '@lwc/engine-dom';
import Unlabelled from '../unlabelled';

it('is accessible, which it is not', async () => {
  const element = createElement('c-unlabelled', { is: Unlabelled });
  document.body.append(element);
  await expect(element).toBeAccessible();
});
